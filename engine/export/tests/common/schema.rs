//! The committed schema, made strict: it takes no field or type of line that it does not
//! name, so that whatever is written must be in it.

use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema of `wormsift/2`.
pub(crate) fn schema() -> Value {
    let text = include_str!("../../schema/wormsift-2.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

/// Its types of lines.
pub(crate) fn kinds(schema: &Value) -> Vec<&str> {
    let rules = schema["allOf"].as_array().expect("a rule for each type");
    rules
        .iter()
        .filter_map(|it| it["if"]["properties"]["type"]["const"].as_str())
        .collect()
}

/// A validator of lines that leave nothing unnamed.
pub(crate) fn strict() -> Validator {
    let mut schema = schema();
    schema["properties"]["type"] = json!({ "enum": kinds(&schema) });
    close(&mut schema["$defs"]);
    jsonschema::draft202012::new(&schema).expect("a JSON Schema")
}

/// Allows no more properties than are named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// What is wrong with a line.
pub(crate) fn faults(strict: &Validator, line: &Value) -> Vec<String> {
    let fault = |error: jsonschema::ValidationError<'_>| {
        format!("{}: {error}", error.instance_path())
    };
    strict.iter_errors(line).map(fault).collect()
}
