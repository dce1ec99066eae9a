//! Reads messages of Protocol Buffers without their descriptions.

/// The fields of a message, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Message<'a>(pub(crate) Vec<(u64, Value<'a>)>);

/// The value of a field.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = number(&mut bytes);
            let value = match key & 7 {
                0 => Value::Number(number(&mut bytes)),
                1 => Value::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
                2 => {
                    let length = number(&mut bytes);
                    Value::Bytes(take(&mut bytes, usize::try_from(length).unwrap()))
                }
                5 => {
                    let four = take(&mut bytes, 4).try_into().unwrap();
                    Value::Number(u32::from_le_bytes(four).into())
                }
                kind => panic!("unknown kind of field: {kind}"),
            };
            fields.push((key >> 3, value));
        }
        Self(fields)
    }

    pub(crate) fn messages(&self, field: u64) -> Vec<Self> {
        let found = self.0.iter().filter(|(number, _)| *number == field);
        let messages = found.map(|(_, value)| match value {
            Value::Bytes(bytes) => Self::parse(bytes),
            Value::Number(_) => panic!("field {field} is no message"),
        });
        messages.collect()
    }

    pub(crate) fn bytes(&self, field: u64) -> &'a [u8] {
        let found = self.0.iter().find(|(number, _)| *number == field);
        match found {
            Some((_, Value::Bytes(bytes))) => bytes,
            _ => &[],
        }
    }

    pub(crate) fn text(&self, field: u64) -> String {
        String::from_utf8(self.bytes(field).to_vec()).unwrap()
    }

    pub(crate) fn number(&self, field: u64) -> u64 {
        let found = self.0.iter().find(|(number, _)| *number == field);
        match found {
            Some((_, Value::Number(number))) => *number,
            _ => 0,
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
