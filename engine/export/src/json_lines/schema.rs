//! The JSON Schema of lines, derived from the types that are written.

use super::decoy::{DECOY, DecoyRecord};
use super::event::{EVENT, ScanRecord, VictimRecord};
use super::incident::{INCIDENT, IncidentRecord};
use super::wave::WaveRecord;
use super::{KINDS, Line, Record, SCHEMA};
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use wormsift::Sensor;
use wormsift::config::{Config, PortRule};
use wormsift::pipeline::TapStats;

const DESCRIPTION: &str = "One line of `wormsift detect --json`, `live`, `match --json`, \
    `explain --json` or `generate --json`. A key has one JSON type, null aside, wherever it \
    stands. Within this version fields and types of lines are only added, so others than \
    those named here are allowed, and a reader skips them.";

/// What the sections of statistics count, by their keys in JSON.
const SECTIONS: [(&str, &str); 19] = [
    ("conversation_counters", "Conversations of TCP, UDP and ICMP echo."),
    ("candidate_counters", "Contents under watch."),
    ("content", "Sightings, promotions and what was learned."),
    (
        "coverage",
        "Frames that were decoded, and their bytes on the wire, by how far they were read: \
         to a payload, or to what stopped them. Each frame is in one kind.",
    ),
    ("dark_counters", "Packets to dark addresses, and what became of them."),
    ("decoy_counters", "What decoys received and started."),
    ("drops", "Packets that could not be decoded, by reason."),
    ("fill", "Gauges: shares of 0 to 1."),
    ("fragment_counters", "IP fragments."),
    ("memory", "Bytes, by table."),
    ("packet_counters", "Packets, by what became of them."),
    ("prevalence_counters", "Prevalence windows."),
    ("propagation_counters", "Relays."),
    ("sample_counters", "Pieces of stream that were kept."),
    ("signature_counters", "What was found."),
    ("stream", "TCP segments and their seams."),
    (
        "unread",
        "Packets that were taken whole although something in them is not read, by kind, and \
         about how many conversations they belong to.",
    ),
    ("view", "TCP directions, and those that the tap saw get answers."),
    ("windows", "Windows of payloads."),
];

/// The schema of lines of all types, under construction.
pub struct Lines {
    generator: SchemaGenerator,
    /// Types of lines, each with what its fields may be.
    kinds: Vec<(String, Vec<Schema>)>,
}

impl Lines {
    /// Those of findings.
    pub fn of_findings() -> Self {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut lines = Self { generator, kinds: Vec::new() };
        KINDS.iter().for_each(|kind| lines.add::<Record>(kind));
        lines.add::<IncidentRecord>(INCIDENT);
        lines.add::<ScanRecord>(EVENT);
        lines.add::<VictimRecord>(EVENT);
        lines.add::<WaveRecord>(EVENT);
        lines.add::<DecoyRecord>(DECOY);
        lines
    }

    /// Lines of type `kind` have the fields of `T`, or of another that was named for them.
    pub fn add<T: JsonSchema>(&mut self, kind: &str) {
        let schema = self.generator.subschema_for::<Line<'_, T>>();
        let description = T::json_schema(&mut self.generator).remove("description");
        let definition = &mut self.generator.definitions_mut()[&*T::schema_name()];
        definition["description"] =
            description.expect("a description of each type of line");
        match self.kinds.iter_mut().find(|(known, _)| known == kind) {
            Some((_, choices)) => choices.push(schema),
            None => self.kinds.push((kind.to_owned(), vec![schema])),
        }
    }

    /// The whole schema.
    pub fn finish(mut self) -> Value {
        let rules = self.kinds.iter().map(|(kind, choices)| {
            let then = match &choices[..] {
                [one] => json!(one),
                several => json!({ "anyOf": several }),
            };
            json!({"if": {"properties": {"type": {"const": kind}}}, "then": then})
        });
        let mut schema = json_schema!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:wormsift:lines:2",
            "title": format!("A line of {SCHEMA}"),
            "description": DESCRIPTION,
            "type": "object",
            "required": ["schema", "type"],
            "properties": {"schema": {"const": SCHEMA}, "type": {"type": "string"}},
            "allOf": rules.collect::<Vec<_>>(),
        });
        let definitions = self.generator.take_definitions(true);
        schema.insert("$defs".to_owned(), definitions.into());
        tidy(&mut schema);
        schema.to_value()
    }
}

/// One line of text for each description. Formats say nothing beside ranges, and defaults
/// are for lines of earlier writers.
fn tidy(schema: &mut Schema) {
    for keyword in ["format", "default", "readOnly"] {
        schema.remove(keyword);
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    transform_subschemas(&mut tidy, schema);
}

/// A line of a finding inside another line.
pub fn finding(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Line<'_, Record>>()
}

/// The names of port rules.
pub(super) fn port_rules() -> [&'static str; 4] {
    [PortRule::Destination, PortRule::Source, PortRule::Service, PortRule::None]
        .map(PortRule::name)
}

/// The section that is a list of taps.
const TAPS: &str = "tap_counters";
/// The section that names files of boilerplate.
const SUPPRESSED: &str = "suppressed_counters";

/// The form of [`Stats`](wormsift::Stats): the sections and names of a sensor that has seen nothing, which
/// has all counters.
pub struct StatsSchema;

impl JsonSchema for StatsSchema {
    fn schema_name() -> Cow<'static, str> {
        "counters".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut config = Config::default();
        config.memory = Config::LEAST_MEMORY;
        let stats = Sensor::new(config).expect("the default settings").stats();
        let stats = serde_json::to_value(stats).expect("plain numbers");
        let mut properties = Map::new();
        for (key, values) in stats.as_object().expect("sections") {
            if key == SUPPRESSED || key == TAPS {
                continue;
            }
            let description = SECTIONS.iter().find(|(known, _)| *known == key);
            let (_, description) = description.expect("a description of each section");
            let mut names = Map::new();
            for (name, value) in values.as_object().expect("a section of numbers") {
                let kind = if value.is_u64() { "integer" } else { "number" };
                names.insert(name.clone(), json!({"type": kind, "minimum": 0}));
            }
            let definition = json!({
                "description": description,
                "type": "object",
                "properties": names,
                "additionalProperties": {"type": "number"},
            });
            let name = format!("stats_{key}");
            properties.insert(key.to_owned(), json!({"$ref": format!("#/$defs/{name}")}));
            generator.definitions_mut().insert(name, definition);
        }
        // By names of files, of which a sensor lists those that it needed.
        let suppressed = json!({
            "description": "Contents kept back, by file of boilerplate.",
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 0},
        });
        properties.insert(SUPPRESSED.to_owned(), suppressed);
        let count = json!({"type": "integer", "minimum": 0});
        let counters = TapStats::default();
        let counters = serde_json::to_value(&counters).expect("plain numbers");
        let mut names: Map<_, _> = counters
            .as_object()
            .expect("counters")
            .keys()
            .map(|it| (it.clone(), count.clone()))
            .collect();
        names.insert("tap".to_owned(), json!({"type": "string"}));
        let taps = json!({
            "description": "What came by at each tap, where there are several.",
            "type": "array",
            "items": {"type": "object", "properties": names},
        });
        properties.insert(TAPS.to_owned(), taps);
        json_schema!({"type": "object", "properties": properties})
    }
}
