//! What is said of the flags that choose frames.

use crate::args::{SelectionArgs, SettingArgs};
use crate::output::talk::Talk;

/// Says, where `--home-net` is given alone, that it is no filter: once it was.
pub(crate) fn explain_home_net(
    settings: &SettingArgs,
    selection: &SelectionArgs,
    talk: &Talk,
) {
    let given = settings.given.iter().any(|(setting, _)| setting.name == "home_net");
    if given && selection.only_net.is_empty() {
        talk.warning(
            "--home-net tells inside from outside and leaves no packet out; \
             --only-net does that",
        );
    }
}
