//! The JSON types of keys, in a schema and in lines.

use super::schema::choices;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The JSON types of each key, null aside, wherever it stands.
#[derive(Default)]
pub(crate) struct Types(BTreeMap<String, BTreeSet<&'static str>>);

impl Types {
    /// Enters every key of a line at every depth.
    pub(crate) fn line(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let kind = match value {
                        Value::Null => None,
                        Value::Bool(_) => Some("boolean"),
                        Value::Number(_) => Some("number"),
                        Value::String(_) => Some("string"),
                        Value::Array(_) => Some("array"),
                        Value::Object(_) => Some("object"),
                    };
                    self.0.entry(name.clone()).or_default().extend(kind);
                    self.line(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.line(item)),
            _ => {}
        }
    }

    /// Enters every key that a schema names, in lines of any type.
    pub(crate) fn schema(&mut self, root: &Value) {
        let definitions = root["$defs"].as_object().expect("definitions").values();
        for one in definitions.chain([root]) {
            self.definition(one, root);
        }
    }

    fn definition(&mut self, schema: &Value, root: &Value) {
        for (name, value) in schema["properties"].as_object().into_iter().flatten() {
            for one in choices(value, root) {
                let kind = match (one["type"].as_str(), &one["const"], &one["enum"][0]) {
                    (Some("null"), ..) => continue,
                    (Some("integer" | "number"), ..) => "number",
                    (Some("boolean"), ..) => "boolean",
                    (Some("array"), ..) => "array",
                    (Some("object"), ..) => "object",
                    (Some("string"), ..)
                    | (None, Value::String(_), _)
                    | (None, _, Value::String(_)) => "string",
                    _ => panic!("{name}: no type in {one}"),
                };
                self.0.entry(name.clone()).or_default().insert(kind);
                self.definition(one, root);
                if let Some(items) = one.get("items") {
                    choices(items, root).iter().for_each(|it| self.definition(it, root));
                }
            }
        }
    }

    /// How many keys there are, and those of several types.
    pub(crate) fn ambiguous(&self) -> (usize, Vec<String>) {
        let several = self.0.iter().filter(|(_, types)| types.len() > 1);
        (
            self.0.len(),
            several.map(|(name, types)| format!("{name}: {types:?}")).collect(),
        )
    }
}
