//! The JSON Schema of all lines that the tool writes, and the file that holds it.

use super::fleet_stats::MergeStats;
use crate::commands::generate::Written;
use crate::live::LiveStats;
use serde_json::Value;
use std::path::Path;
use wormsift_export::json_lines::schema::Lines;
use wormsift_run::explain::Explanation;
use wormsift_run::{FinalStats, Hit, MatchStats, Matches, Warning};

/// Columns that a value takes on one line.
const WIDTH: usize = 110;

fn schema() -> Value {
    let mut lines = Lines::of_findings();
    lines.add::<FinalStats>("stats");
    lines.add::<LiveStats<'_>>("stats");
    lines.add::<MergeStats>("stats");
    lines.add::<Warning<'_>>("warning");
    lines.add::<Hit<'_>>("hit");
    lines.add::<Matches>("matches");
    lines.add::<MatchStats>("match_stats");
    lines.add::<Explanation>("explanation");
    lines.add::<Written>("capture");
    lines.finish()
}

/// JSON in which what fits a line stands on one.
fn written(value: &Value, indent: usize) -> String {
    let flat = value.to_string();
    let (brackets, parts): (_, Vec<String>) = match value {
        Value::Object(fields) if indent + flat.len() > WIDTH => (
            ['{', '}'],
            fields
                .iter()
                .map(|(name, it)| format!("\"{name}\": {}", written(it, indent + 1)))
                .collect(),
        ),
        Value::Array(items) if indent + flat.len() > WIDTH => {
            (['[', ']'], items.iter().map(|it| written(it, indent + 1)).collect())
        }
        _ => return flat,
    };
    let margin = format!("\n{}", " ".repeat(indent + 1));
    let parts = parts.join(&format!(",{margin}"));
    format!("{}{margin}{parts}\n{}{}", brackets[0], " ".repeat(indent), brackets[1])
}

/// After a wanted change: run it with `WORMSIFT_BLESS=1`.
#[test]
fn the_file_is_the_schema_of_what_is_written() {
    let path = "../engine/export/schema/wormsift-2.schema.json";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let schema = schema();
    if std::env::var_os("WORMSIFT_BLESS").is_some() {
        std::fs::write(&path, written(&schema, 0) + "\n").unwrap();
    }
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(
        file == schema,
        "engine/export/schema is not what the types of lines say; write it anew with \
         `WORMSIFT_BLESS=1 cargo test -p wormsift-cli --bin wormsift the_file_is_the_schema`"
    );
}
