//! Protocol Buffers wire format, as far as consensus messages use it: a canonical writer and a strict, bounded reader.
//!
//! The writer gives the bytes that are hashed and signed, so it writes as gogoproto does: fields in order, zero values
//! left out. The reader takes fields in any order, as protobuf allows, and leaves unknown ones to its caller; [`Once`] finds
//! those that are there twice.
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

use alloc::vec::Vec;

const WIRE_VARINT: u32 = 0;
const WIRE_FIXED64: u32 = 1;
const WIRE_BYTES: u32 = 2;
const WIRE_FIXED32: u32 = 5;

/// The longest varint in bytes.
const VARINT_BYTES_MAX: usize = 10;

/// Why bytes are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The bytes end within a field.
    #[error("message ends within a field")]
    Truncated,
    /// A varint of more than 64 bits.
    #[error("varint has more than 64 bits")]
    VarintTooLong,
    /// A wire type that does not exist (any more).
    #[error("field {field} has wire type {got}, which is not in use")]
    WireType {
        /// Field number.
        field: u32,
        /// The wire type.
        got: u32,
    },
    /// Another wire type than the field's.
    #[error("field {field} has wire type {got}, wanted is {want}")]
    WrongWireType {
        /// Field number.
        field: u32,
        /// The wire type.
        got: u32,
        /// The field's wire type.
        want: u32,
    },
    /// A field that a message has at most once is there again: readers differ in which one they take.
    #[error("field {field} is there twice")]
    Twice {
        /// Field number.
        field: u32,
    },
    /// Field number 0 or above 2^29-1.
    #[error("field number is out of range")]
    FieldNumber,
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Returns how many bytes the varint of `value` has.
pub fn varint_len(value: u64) -> usize {
    let bits = 64_usize.saturating_sub(value.leading_zeros() as usize).max(1);
    bits.div_ceil(7)
}

fn put_tag(out: &mut Vec<u8>, field: u32, wire: u32) {
    put_varint(out, u64::from(field << 3 | wire));
}

/// Appends an integer field unless it is zero; negative numbers have ten bytes.
pub fn put_int(out: &mut Vec<u8>, field: u32, value: i64) {
    put_uint(out, field, value.cast_unsigned());
}

/// Appends an unsigned integer field unless it is zero.
pub fn put_uint(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        put_tag(out, field, WIRE_VARINT);
        put_varint(out, value);
    }
}

/// Appends an `sfixed64` field unless it is zero.
pub fn put_sfixed64(out: &mut Vec<u8>, field: u32, value: i64) {
    if value != 0 {
        put_tag(out, field, WIRE_FIXED64);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a bytes or string field unless it is empty.
pub fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_message(out, field, bytes);
    }
}

/// Appends a message field, also when it is empty.
pub fn put_message(out: &mut Vec<u8>, field: u32, message: &[u8]) {
    put_message_len(out, field, message.len());
    out.extend_from_slice(message);
}

/// Appends what stands before the `len` bytes of a message field, which the caller appends next.
pub fn put_message_len(out: &mut Vec<u8>, field: u32, len: usize) {
    put_tag(out, field, WIRE_BYTES);
    put_varint(out, u64::try_from(len).unwrap_or(u64::MAX));
}

/// A field's value as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32(u32),
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field's number.
    pub number: u32,
    /// The field's value.
    pub value: Value<'a>,
}

impl<'a> Field<'a> {
    /// Returns the value of an integer field.
    /// # Errors
    /// [`ProtobufError::WrongWireType`].
    pub fn uint(&self) -> Result<u64, ProtobufError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(self.wrong(WIRE_VARINT)),
        }
    }

    /// Returns the value of a signed integer field.
    /// # Errors
    /// [`ProtobufError::WrongWireType`].
    pub fn int(&self) -> Result<i64, ProtobufError> {
        self.uint().map(u64::cast_signed)
    }

    /// Returns the value of a bytes, string or message field.
    /// # Errors
    /// [`ProtobufError::WrongWireType`].
    pub fn bytes(&self) -> Result<&'a [u8], ProtobufError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong(WIRE_BYTES)),
        }
    }

    fn wrong(&self, want: u32) -> ProtobufError {
        let got = match self.value {
            Value::Varint(_) => WIRE_VARINT,
            Value::Fixed64(_) => WIRE_FIXED64,
            Value::Bytes(_) => WIRE_BYTES,
            Value::Fixed32(_) => WIRE_FIXED32,
        };
        ProtobufError::WrongWireType { field: self.number, got, want }
    }
}

/// Reads the fields of a message one after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Returns a reader of `message`.
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Returns the next field, or `None` at the end.
    /// # Errors
    /// [`ProtobufError`], also for unknown fields that are malformed.
    #[allow(clippy::should_implement_trait, reason = "an iterator of results would hide the end of a bad message")]
    pub fn next(&mut self) -> Result<Option<Field<'a>>, ProtobufError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| ProtobufError::FieldNumber)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(ProtobufError::FieldNumber);
        }
        let value = match tag & 7 {
            WIRE_VARINT => Value::Varint(self.varint()?),
            WIRE_FIXED64 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            WIRE_BYTES => {
                let len = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Truncated)?;
                let (bytes, rest) = self.rest.split_at_checked(len).ok_or(ProtobufError::Truncated)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            WIRE_FIXED32 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            got => return Err(ProtobufError::WireType { field: number, got }),
        };
        Ok(Some(Field { number, value }))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtobufError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(ProtobufError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0_u64;
        for index in 0..VARINT_BYTES_MAX {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            let shift = 7 * index;
            if shift == 63 && bits > 1 {
                return Err(ProtobufError::VarintTooLong);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ProtobufError::VarintTooLong)
    }
}

/// The fields of one message that were there already, of those that may be there once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Once(u64);

impl Once {
    /// Takes note of a field. Numbers above 63 are not known to any message here and are not watched.
    /// # Errors
    /// [`ProtobufError::Twice`].
    pub fn see(&mut self, field: u32) -> Result<(), ProtobufError> {
        let bit = 1_u64.checked_shl(field).unwrap_or(0);
        if self.0 & bit != 0 {
            return Err(ProtobufError::Twice { field });
        }
        self.0 |= bit;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &[u8]) -> Result<Vec<(u32, Value<'_>)>, ProtobufError> {
        let mut reader = Reader::new(message);
        let mut fields = Vec::new();
        while let Some(field) = reader.next()? {
            fields.push((field.number, field.value));
        }
        Ok(fields)
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        assert_eq!(fields(&[0x0a, 2, 1]), Err(ProtobufError::Truncated));
        assert_eq!(fields(&[0x08]), Err(ProtobufError::Truncated));
        assert_eq!(fields(&[0x09, 0]), Err(ProtobufError::Truncated));
        assert_eq!(fields(&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2]), Err(ProtobufError::VarintTooLong));
        assert_eq!(
            fields(&[0x08, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 0]),
            Err(ProtobufError::VarintTooLong)
        );
        assert_eq!(fields(&[0x0b]), Err(ProtobufError::WireType { field: 1, got: 3 }));
        assert_eq!(fields(&[0x00, 0]), Err(ProtobufError::FieldNumber));
        assert_eq!(
            Field { number: 3, value: Value::Varint(1) }.bytes(),
            Err(ProtobufError::WrongWireType { field: 3, got: 0, want: 2 })
        );
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(a in 1_u64.., b in proptest::num::i64::ANY, bytes: Vec<u8>) {
            let mut out = Vec::new();
            put_uint(&mut out, 1, a);
            put_sfixed64(&mut out, 2, b);
            put_message(&mut out, 3, &bytes);
            let mut want = alloc::vec![(1, Value::Varint(a)), (2, Value::Fixed64(b.cast_unsigned())), (3, Value::Bytes(&bytes))];
            if b == 0 {
                want.remove(1);
            }
            proptest::prop_assert_eq!(fields(&out).unwrap(), want);
            proptest::prop_assert_eq!(varint_len(a), { let mut v = Vec::new(); put_varint(&mut v, a); v.len() });
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = fields(&bytes);
        }
    }
}
