//! `[types]`: the types that hand-written code uses.
//!
//! Hand-written code refers to types and fields by name, and constructs requests. But the names of
//! schemas, required fields and nullable fields differ between editions of a description. So for
//! these types, `tables.toml` says where they are and what the code relies on.

use anyhow::{Context, Result, bail};

use super::{
    check,
    config::{Config, TypeSpec},
    description::{Description, Form},
    equal, names,
    notes::Notes,
    place::{Named, Place},
    schema::{Schema, Shape},
    sources,
};

/// A schema that becomes one of the types.
struct Pin<'c> {
    name: &'c str,
    spec: &'c TypeSpec,
    file: String,
    pointer: String,
    /// Whether the type has this place in some operations only, wherever there is one.
    is_everywhere: bool,
}

/// Finds the schemas of all types in the file, and records what the code relies on.
pub(super) fn pin(descriptions: &mut [Description], config: &Config) -> Result<()> {
    let mut pins = Vec::new();
    let sources = check::sources(descriptions, config)?;
    let named: Vec<_> = sources.iter().flat_map(sources::Source::named).collect();
    for (name, spec) in &config.types {
        for place in &spec.at.0 {
            let found = find(&named, name, spec, place)
                .with_context(|| format!("`tables.toml`: type `{name}`"))?;
            pins.extend(found);
        }
    }
    drop(named);
    drop(sources);
    for description in descriptions {
        let own = pins.iter().filter(|pin| pin.file == description.file);
        let own: Vec<_> = own.collect();
        let forms = own.iter();
        let forms = forms.filter_map(|pin| Some((pin.pointer.clone(), pin.form()?)));
        description.pins.forms = forms.collect();
        // Schemas can only be compared once it is known what the code relies on, because other
        // differences do not matter.
        for pin in own {
            pin.name(description)
                .with_context(|| format!("`tables.toml`: type `{}`", pin.name))?;
        }
    }
    Ok(())
}

fn find<'c>(
    named: &[Named<'_, '_>],
    name: &'c str,
    spec: &'c TypeSpec,
    place: &str,
) -> Result<Vec<Pin<'c>>> {
    let place = Place::parse(place)?;
    let notes = Notes::default();
    let schemas = place.schemas(named, &notes)?;
    let mut pins: Vec<Pin<'c>> = Vec::new();
    for schema in schemas {
        if let Shape::Enum(known) = &schema.shape {
            check_values(&spec.values, known)?;
        }
        let fits = match &schema.shape {
            Shape::Object { properties, .. } => !properties.is_empty() && spec.values.is_empty(),
            Shape::Enum(_) => true,
            Shape::Text => !spec.values.is_empty(),
            _ => false,
        };
        let pointer = schema.at.pointer();
        let known = |pin: &Pin<'_>| pin.file == schema.at.file() && pin.pointer == pointer;
        // Several operations may refer to the same schema.
        if pins.iter().any(known) {
            continue;
        }
        if fits {
            check_fields(&schema, spec)?;
            pins.push(Pin {
                name,
                spec,
                file: schema.at.file().to_owned(),
                pointer: pointer.to_owned(),
                is_everywhere: place.is_everywhere(),
            });
        } else if !place.is_everywhere() {
            bail!(
                "`{}` is neither an object nor a list of values but {}",
                place.text(),
                schema.json_type()
            );
        }
    }
    if pins.is_empty() {
        bail!("`{}` is not an object in any description", place.text());
    }
    Ok(pins)
}

/// Checks values against the ones in the description. An unknown value may just be undocumented,
/// but if it differs from a known one by a single letter, it is most likely misspelled.
fn check_values(values: &[String], known: &[String]) -> Result<()> {
    let is_known = |value: &&String| known.iter().any(|known| known.eq_ignore_ascii_case(value));
    for value in values.iter().filter(|value| !is_known(value)) {
        let free = known.iter().filter(|known| !values.contains(known));
        if let Some(near) = names::similar(value, free.map(String::as_str)) {
            bail!("values: the description has no `{value}`; nearest: `{near}`");
        }
    }
    Ok(())
}

/// Checks that the schema has all fields that the code uses.
fn check_fields(schema: &Schema<'_>, spec: &TypeSpec) -> Result<()> {
    let listed = [
        Some(&spec.fields),
        spec.required.as_ref(),
        spec.nullable.as_ref(),
    ];
    for field in listed.into_iter().flatten().flatten() {
        if schema.property(field).is_none() {
            let known = schema.properties().iter();
            let nearest = names::nearest(field, known.map(|property| property.name.as_str()));
            bail!("hand-written code needs the field `{field}`; {nearest}");
        }
    }
    Ok(())
}

impl Pin<'_> {
    /// Returns what the code relies on, apart from the type's name and its fields.
    fn form(&self) -> Option<Form> {
        let TypeSpec {
            fields,
            required,
            nullable,
            values,
            ..
        } = self.spec;
        if !values.is_empty() {
            return Some(Form::Values(values.clone()));
        }
        // Without `required`, the code only reads values of the type, and further fields are
        // welcome. But a type of many operations can only be one type if it has the same fields in
        // all of them.
        if required.is_none() && !self.is_everywhere {
            return None;
        }
        Some(Form::Object {
            fields: fields.clone(),
            required: required.clone().unwrap_or_default(),
            nullable: nullable.clone().unwrap_or_default(),
        })
    }

    /// Names the schema. An equal schema with the same name shares the type.
    fn name(&self, description: &mut Description) -> Result<()> {
        let pins = &mut description.pins;
        let first = pins.names.iter().find(|(_, name)| *name == self.name);
        let Some(first) = first.map(|(pointer, _)| pointer.clone()) else {
            pins.names
                .insert(self.pointer.clone(), self.name.to_owned());
            return Ok(());
        };
        if first == self.pointer {
            return Ok(());
        }
        // The type of the first schema is used for both only if they really are equal. Otherwise
        // the code would compile against fields that one of them doesn't have.
        let difference = equal::difference(description, &first, &self.pointer)?;
        let Some(difference) = difference else {
            description.pins.copies.insert(self.pointer.clone(), first);
            return Ok(());
        };
        let text = format!(
            "not the same as `{first}`, which is the type `{}`",
            self.name
        );
        // Code that constructs the type would not compile if only one of the schemas had it.
        if self.spec.required.is_some() && !self.is_everywhere {
            bail!(
                "`{}` at `{}`: {text}: {difference}",
                self.file,
                self.pointer
            );
        }
        description.notes.push((self.pointer.clone(), text));
        Ok(())
    }
}
