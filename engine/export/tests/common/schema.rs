//! Fields that the committed schema does not name.

use serde_json::Value;

/// The schema of `wormsift/2`.
pub(crate) fn schema() -> Value {
    let text = include_str!("../../schema/wormsift-2.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

/// Paths of a line's fields that the schema does not name.
pub(crate) fn unnamed(line: &Value) -> Vec<String> {
    let (root, mut found) = (schema(), Vec::new());
    let kind = line["type"].as_str().expect("a type");
    let definition = root["allOf"].as_array().expect("a list").iter().find(|rule| {
        let kinds = &rule["if"]["properties"]["type"]["enum"];
        kinds.as_array().is_some_and(|kinds| kinds.iter().any(|it| it == kind))
    });
    match definition {
        Some(rule) => {
            let mut fields = line.clone();
            for field in ["schema", "type"] {
                fields.as_object_mut().expect("an object").remove(field);
            }
            walk(&fields, &[&rule["then"]], &root, kind, &mut found);
        }
        None => found.push(kind.to_owned()),
    }
    found
}

fn walk(
    value: &Value,
    schemas: &[&Value],
    root: &Value,
    path: &str,
    found: &mut Vec<String>,
) {
    let schemas: Vec<&Value> =
        schemas.iter().flat_map(|schema| choices(schema, root)).collect();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                let named: Vec<&Value> = schemas
                    .iter()
                    .filter_map(|schema| schema["properties"].get(name))
                    .collect();
                // An explanation holds a whole line.
                if named.iter().any(|schema| schema["$ref"] == "#") {
                    found.extend(unnamed(value));
                } else if named.is_empty() {
                    found.push(path);
                } else {
                    walk(value, &named, root, &path, found);
                }
            }
        }
        Value::Array(items) => {
            let of: Vec<&Value> =
                schemas.iter().filter_map(|schema| schema.get("items")).collect();
            items.iter().for_each(|item| walk(item, &of, root, path, found));
        }
        _ => {}
    }
}

/// What a schema stands for: its reference, or each of its choices.
pub(crate) fn choices<'a>(schema: &'a Value, root: &'a Value) -> Vec<&'a Value> {
    if schema["$ref"] == "#" {
        return vec![root];
    }
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#'));
        return choices(target.expect("a definition of that name"), root);
    }
    match schema["anyOf"].as_array() {
        Some(all) => all.iter().flat_map(|one| choices(one, root)).collect(),
        None => vec![schema],
    }
}
