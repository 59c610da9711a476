//! What a SIGHUP changes.

use super::{Watch, failed};
use crate::args::SettingArgs;
use crate::args::settings::Settings;
use crate::input::mute_file;
use crate::live::tap::read_bpf;
use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use wormsift::config::Config;

impl Watch {
    /// SIGHUP: files anew.
    pub(super) fn reload(&mut self, talk: &Talk) {
        talk.result(
            "SIGHUP: output files are opened again, settings, filter and mutes read again",
        );
        self.parts.lines.output.reopen(talk);
        if let Some(path) = &self.parts.bpf {
            let done = read_bpf(path)
                .and_then(|program| self.parts.taps.set_filter(&program).map_err(failed));
            if let Err(Failure::Usage(reason) | Failure::Failed(reason)) = done {
                talk.error(format_args!("{reason}; the filter in use is kept"));
            }
        }
        match mute_file::entries(self.parts.mute.as_deref(), talk) {
            Ok((Some(mutes), _)) => {
                self.parts.muting.replace(mutes);
                if let Some(writer) = &mut self.parts.writer {
                    writer.mute(self.parts.muting.mutes());
                }
            }
            Ok((None, _)) | Err(Failure::OutputClosed) => {}
            Err(Failure::Usage(reason) | Failure::Failed(reason)) => {
                talk.error(format_args!("{reason}; the mutes in use are kept"));
            }
        }
        // The key is not read again: another key is another sensor.
        let flags = SettingArgs { key_file: None, ..self.parts.settings.clone() };
        match self.settings_again(&flags) {
            Ok(config) => {
                let used = self.parts.sensor.config();
                let changed: Vec<_> = config.differences(used).collect();
                if !changed.is_empty() {
                    talk.warning(format_args!(
                        "changed settings take effect at the next start: {}",
                        changed.join(", ")
                    ));
                }
            }
            Err(Failure::Usage(reason) | Failure::Failed(reason)) => talk.error(reason),
            Err(Failure::OutputClosed) => {}
        }
        if let Some(writer) = &mut self.parts.writer {
            writer.write_rules();
        }
    }

    /// The settings as the next start would have them.
    fn settings_again(&self, flags: &SettingArgs) -> Result<Config, Failure> {
        let mut config = Settings::new(flags)?.config;
        self.parts.interfaces.name_taps(&mut config)?;
        Ok(config)
    }
}
