//! The version that a runtime's code carries: found in its custom sections, without an engine.
//!
//! Code stands under `:code` as it is or compressed with zstd behind eight magic bytes. It comes from a specification or
//! from a peer's proof, so both lengths are bounded and it is decompressed as a stream, which ends as soon as the two
//! sections were seen.
//! Source: `sp-maybe-compressed-blob`, `sc-executor` (`read_embedded_version`), `sp-version` (`decode_with_version_hint`).

use crate::codec::scale::{Reader, ScaleError};
use crate::trie::patricia16::StateVersion;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use ruzstd::io::Read;

/// The most bytes that code may have as it stands in the state.
pub const CODE_BYTES_MAX: usize = 10 << 20;
/// The most bytes that code may have once it is decompressed. Source: `sp-maybe-compressed-blob`, `CODE_BLOB_BOMB_LIMIT`.
pub const CODE_DECOMPRESSED_BYTES_MAX: u64 = 50 << 20;
/// The largest window that a frame of compressed code may declare: the largest that libzstd takes without being told to, and
/// what its highest levels declare whatever the content. What is held is the content, not the window.
pub const CODE_WINDOW_BYTES_MAX: u64 = 128 << 20;
/// The most bytes of one of the two sections that are read.
pub const VERSION_SECTION_BYTES_MAX: u64 = 16 << 10;
/// The most sections that are walked.
pub const CODE_SECTIONS_MAX: usize = 1_000;

/// What compressed code begins with. Source: `sp-maybe-compressed-blob`, `CODE_BLOB_PREFIX`.
const COMPRESSED_PREFIX: [u8; 8] = [0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];
/// What a frame to be skipped begins with, the lowest four bits aside. Source: RFC 8878, 3.1.2.
const SKIPPABLE_FRAME: u32 = 0x184D_2A50;
const WASM_HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";
const VERSION_SECTION: &[u8] = b"runtime_version";
const APIS_SECTION: &[u8] = b"runtime_apis";
/// The id of the runtime API `Core`: the BLAKE2b-64 of its name.
const CORE_API: [u8; 8] = [0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b];
const NAME_BYTES_MAX: usize = 1_000;
const SKIP_BYTES: usize = 4 << 10;

/// What code says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeVersion {
    /// Name of the runtime's specification.
    pub spec_name: String,
    /// Name of the implementation.
    pub impl_name: String,
    /// Version of the authoring interface.
    pub authoring_version: u32,
    /// Version of the specification; an upgrade raises it.
    pub spec_version: u32,
    /// Version of the implementation.
    pub impl_version: u32,
    /// The runtime APIs by the BLAKE2b-64 of their name, with their version.
    pub apis: Vec<([u8; 8], u32)>,
    /// Version of the encoding of transactions; 1 in runtimes from before it was told.
    pub transaction_version: u32,
    /// How values stand in the trie.
    pub state_version: StateVersion,
}

/// Why code carries no readable version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Longer than any code may be.
    #[error("code has {got} bytes, at most {CODE_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes of it.
        got: usize,
    },
    /// Decompresses to more than any code may have.
    #[error("code decompresses to more than {CODE_DECOMPRESSED_BYTES_MAX} bytes")]
    Bomb,
    /// Behind the magic bytes stands no zstd frame.
    #[error("code is marked as compressed, but cannot be decompressed")]
    Compression,
    /// Does not begin as WebAssembly of version 1 does.
    #[error("code is not WebAssembly of version 1")]
    NotWasm,
    /// Ends within a section.
    #[error("code ends within a section")]
    Truncated,
    /// A number of a section is not LEB128 of 32 bits.
    #[error("a length within the code is not LEB128 of 32 bits")]
    Length,
    /// The name of a custom section is longer than the section.
    #[error("a custom section's name has {got} bytes, the section {section}")]
    SectionName {
        /// Bytes of the name.
        got: u32,
        /// Bytes of the section.
        section: u32,
    },
    /// More sections than are walked.
    #[error("code has more than {CODE_SECTIONS_MAX} sections")]
    TooManySections,
    /// One of the two sections is too long.
    #[error("the version section has {got} bytes, at most {VERSION_SECTION_BYTES_MAX} are allowed")]
    SectionTooLong {
        /// Bytes of it.
        got: u64,
    },
    /// The version section's contents are not a version.
    #[error("the version section is no runtime version: {0}")]
    Version(ScaleError),
    /// The section of APIs is not a list of ids and versions.
    #[error("the section of runtime APIs has {got} bytes, which is no multiple of 12")]
    Apis {
        /// Bytes of it.
        got: usize,
    },
}

impl RuntimeVersion {
    /// Returns the version that `code` carries in its custom sections, or `None` if it has no such section, as the code of
    /// early chains has not.
    ///
    /// Compressed code is decompressed as far as the sections are away from its beginning; the memory for that is at most
    /// [`CODE_DECOMPRESSED_BYTES_MAX`].
    /// # Errors
    /// [`CodeError`].
    pub fn of_code(code: &[u8]) -> Result<Option<Self>, CodeError> {
        if code.len() > CODE_BYTES_MAX {
            return Err(CodeError::TooLong { got: code.len() });
        }
        let Sections { version, apis } = Sections::of(&mut Source::new(code)?)?;
        version.map(|version| Self::decode(&version, apis.as_deref())).transpose()
    }

    fn decode(bytes: &[u8], apis: Option<&[u8]>) -> Result<Self, CodeError> {
        let apis = apis.map(decode_apis).transpose()?;
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader, apis).map_err(CodeError::Version)
    }

    /// Reads the version; which fields it has depends on the version of the API `Core`. Bytes behind them belong to
    /// fields of a later time.
    fn read(reader: &mut Reader<'_>, apis: Option<Vec<([u8; 8], u32)>>) -> Result<Self, ScaleError> {
        let text = |reader: &mut Reader<'_>| {
            reader.byte_string(NAME_BYTES_MAX).map(|b| String::from_utf8_lossy(b).into_owned())
        };
        let spec_name = text(reader)?;
        let impl_name = text(reader)?;
        let authoring_version = reader.u32()?;
        let spec_version = reader.u32()?;
        let impl_version = reader.u32()?;
        let mut own = Vec::new();
        for _ in 0..reader.length(NAME_BYTES_MAX, 12)? {
            own.push((*reader.array()?, reader.u32()?));
        }
        // The section's own list is empty; the other section has it.
        let apis = apis.unwrap_or(own);
        let core = apis.iter().find(|(id, _)| *id == CORE_API).map_or(0, |(_, version)| *version);
        let transaction_version = if core >= 3 { reader.u32()? } else { 1 };
        let state_version = if core >= 4 && reader.u8()? > 0 { StateVersion::V1 } else { StateVersion::V0 };
        Ok(Self {
            spec_name,
            impl_name,
            authoring_version,
            spec_version,
            impl_version,
            apis,
            transaction_version,
            state_version,
        })
    }
}

fn decode_apis(bytes: &[u8]) -> Result<Vec<([u8; 8], u32)>, CodeError> {
    let (entries, []) = bytes.as_chunks::<12>() else { return Err(CodeError::Apis { got: bytes.len() }) };
    Ok(entries
        .iter()
        .map(|[a, b, c, d, e, f, g, h, version @ ..]| ([*a, *b, *c, *d, *e, *f, *g, *h], u32::from_le_bytes(*version)))
        .collect())
}

/// The contents of the two sections.
#[derive(Default)]
struct Sections {
    version: Option<Vec<u8>>,
    apis: Option<Vec<u8>>,
}

impl Sections {
    fn of(source: &mut Source<'_>) -> Result<Self, CodeError> {
        if source.array::<8>()? != Some(WASM_HEADER) {
            return Err(CodeError::NotWasm);
        }
        let mut found = Self::default();
        for _ in 0..CODE_SECTIONS_MAX {
            let Some([id]) = source.array::<1>()? else { return Ok(found) };
            let section = source.leb128()?.0;
            if id == 0 {
                found.custom(source, section)?;
            } else {
                source.skip(section)?;
            }
            if found.version.is_some() && found.apis.is_some() {
                return Ok(found);
            }
        }
        Err(CodeError::TooManySections)
    }

    /// Reads a custom section of `section` bytes: a name, and contents that are kept if the name is one of the two.
    fn custom(&mut self, source: &mut Source<'_>, section: u32) -> Result<(), CodeError> {
        let (name_len, width) = source.leb128()?;
        let content = section.checked_sub(width).and_then(|rest| rest.checked_sub(name_len));
        let content = content.ok_or(CodeError::SectionName { got: name_len, section })?;
        if name_len as usize > NAME_BYTES_MAX {
            return source.skip(name_len).and_then(|()| source.skip(content));
        }
        let name = source.take(name_len)?;
        let slot = match name.as_slice() {
            VERSION_SECTION => &mut self.version,
            APIS_SECTION => &mut self.apis,
            _ => return source.skip(content),
        };
        if u64::from(content) > VERSION_SECTION_BYTES_MAX {
            return Err(CodeError::SectionTooLong { got: u64::from(content) });
        }
        *slot = Some(source.take(content)?);
        Ok(())
    }
}

/// The bytes of the code, decompressed as they are asked for.
enum Source<'a> {
    Plain(&'a [u8]),
    /// The frame that is being unpacked, `None` at the end, and how many bytes may still come out.
    Compressed {
        frame: Option<Box<Frame<'a>>>,
        left: u64,
    },
}

type Frame<'a> = StreamingDecoder<&'a [u8], FrameDecoder>;

/// Returns the zstd frame that `bytes` begin with, those to be skipped passed over; `None` when there is none any more.
fn next_frame(mut bytes: &[u8], left: u64) -> Result<Option<Box<Frame<'_>>>, CodeError> {
    while let Some((header, rest)) = bytes.split_first_chunk::<8>() {
        let [a, b, c, d, length @ ..] = *header;
        if u32::from_le_bytes([a & 0xf0, b, c, d]) != SKIPPABLE_FRAME {
            break;
        }
        bytes = rest.get(u32::from_le_bytes(length) as usize..).ok_or(CodeError::Compression)?;
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    // Each frame has a decoder of its own: a new one takes memory as content comes, one that is used again takes the window that
    // the frame declares.
    let frame = StreamingDecoder::new_with_max_window_size(bytes, CODE_WINDOW_BYTES_MAX);
    let frame = frame.map_err(|_| CodeError::Compression)?;
    if frame.decoder.content_size() > left {
        return Err(CodeError::Bomb);
    }
    Ok(Some(Box::new(frame)))
}

impl<'a> Source<'a> {
    fn new(code: &'a [u8]) -> Result<Self, CodeError> {
        let Some(frames) = code.strip_prefix(&COMPRESSED_PREFIX) else { return Ok(Self::Plain(code)) };
        let left = CODE_DECOMPRESSED_BYTES_MAX;
        let frame = next_frame(frames, left)?.ok_or(CodeError::Compression)?;
        Ok(Self::Compressed { frame: Some(frame), left })
    }

    /// Fills `buffer` as far as there are bytes; returns how many it got.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, CodeError> {
        match self {
            Self::Plain(rest) => {
                let len = rest.len().min(buffer.len());
                let (head, behind) = rest.split_at_checked(len).unwrap_or_default();
                *rest = behind;
                buffer.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
                Ok(len)
            }
            Self::Compressed { frame, left } => {
                let mut filled = 0_usize;
                while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
                    let Some(unpacking) = frame else { break };
                    let got = unpacking.read(room).map_err(|_| CodeError::Compression)?;
                    if got == 0 {
                        // As libzstd does it: what follows a frame is another one.
                        let behind: &'a [u8] = unpacking.get_ref();
                        *frame = next_frame(behind, *left)?;
                        continue;
                    }
                    *left = left.checked_sub(got as u64).ok_or(CodeError::Bomb)?;
                    filled = filled.saturating_add(got);
                }
                Ok(filled)
            }
        }
    }

    /// Returns the next `N` bytes, or `None` at the end of the code.
    fn array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, CodeError> {
        let mut bytes = [0; N];
        match self.read(&mut bytes)? {
            0 => Ok(None),
            len if len == N => Ok(Some(bytes)),
            _ => Err(CodeError::Truncated),
        }
    }

    /// Returns the next `len` bytes; the caller bounds `len`.
    fn take(&mut self, len: u32) -> Result<Vec<u8>, CodeError> {
        let mut bytes = vec![0; len as usize];
        if self.read(&mut bytes)? == bytes.len() { Ok(bytes) } else { Err(CodeError::Truncated) }
    }

    fn skip(&mut self, len: u32) -> Result<(), CodeError> {
        if let Self::Plain(rest) = self {
            *rest = rest.get(len as usize..).ok_or(CodeError::Truncated)?;
            return Ok(());
        }
        let mut left = len as usize;
        let mut buffer = [0; SKIP_BYTES];
        while left > 0 {
            let room = buffer.get_mut(..left.min(SKIP_BYTES)).unwrap_or_default();
            match self.read(room)? {
                0 => return Err(CodeError::Truncated),
                got => left = left.saturating_sub(got),
            }
        }
        Ok(())
    }

    /// Returns a number in unsigned LEB128 of 32 bits, and how many bytes it took (at most 5).
    fn leb128(&mut self) -> Result<(u32, u32), CodeError> {
        let mut number = 0_u64;
        for width in 0..5_u32 {
            let [byte] = self.array::<1>()?.ok_or(CodeError::Truncated)?;
            number |= u64::from(byte & 0x7f) << (7 * width);
            if byte < 0x80 {
                let number = u32::try_from(number).map_err(|_| CodeError::Length)?;
                return Ok((number, width.saturating_add(1)));
            }
        }
        Err(CodeError::Length)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a module with a version section and a section of APIs, as substrate-wasm-builder writes them.
    pub(in super::super) fn wasm_with_spec_version(spec_version: u32) -> Vec<u8> {
        wasm(&[(VERSION_SECTION, &version(spec_version, &[9, 0, 0, 0, 1])), (APIS_SECTION, &apis(5))])
    }

    fn version(spec_version: u32, behind: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x08ab\x04c".to_vec();
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(spec_version.to_le_bytes());
        bytes.extend([2, 0, 0, 0, 0]);
        bytes.extend(behind);
        bytes
    }

    fn apis(core: u32) -> Vec<u8> {
        [&[7; 12][..], &CORE_API, &core.to_le_bytes()].concat()
    }

    fn wasm(sections: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut code = WASM_HEADER.to_vec();
        code.extend([1, 4, 1, 0x60, 0, 0]);
        for (name, content) in sections {
            let len = u8::try_from(1 + name.len() + content.len()).unwrap();
            // Section id and length, the latter always in two bytes.
            code.extend([0, len | 0x80, len >> 7 & 1, u8::try_from(name.len()).unwrap()]);
            code.extend(*name);
            code.extend(*content);
        }
        code
    }

    fn state_version(sections: &[(&[u8], &[u8])]) -> Option<StateVersion> {
        RuntimeVersion::of_code(&wasm(sections)).unwrap().map(|version| version.state_version)
    }

    #[test]
    fn the_state_version_stands_where_the_version_of_core_says() {
        let got = RuntimeVersion::of_code(&wasm_with_spec_version(77)).unwrap().unwrap();
        assert_eq!((got.spec_name.as_str(), got.impl_name.as_str()), ("ab", "c"));
        assert_eq!((got.authoring_version, got.spec_version, got.impl_version), (1, 77, 2));
        assert_eq!((got.transaction_version, got.state_version, got.apis.len()), (9, StateVersion::V1, 2));
        let tail = [9, 0, 0, 0, 1];
        let at = |core, tail: &[u8]| {
            state_version(&[(b"x", b""), (APIS_SECTION, &apis(core)), (VERSION_SECTION, &version(1, tail))])
        };
        assert_eq!(at(4, &tail), Some(StateVersion::V1));
        assert_eq!(at(4, &[9, 0, 0, 0, 0]), Some(StateVersion::V0));
        // Later values mean the latest layout known: `system_version` 2 changes only the root of extrinsics.
        assert_eq!(at(5, &[9, 0, 0, 0, 2]), Some(StateVersion::V1));
        assert_eq!(at(3, &tail), Some(StateVersion::V0));
        assert_eq!(at(2, &[]), Some(StateVersion::V0));
        assert_eq!(state_version(&[(VERSION_SECTION, &version(1, &tail))]), Some(StateVersion::V0), "no list of APIs");
        assert_eq!(state_version(&[(APIS_SECTION, &apis(4))]), None);
        assert_eq!(state_version(&[]), None);
    }

    #[test]
    fn compressed_code_is_read_as_plain_code_is() {
        let plain = wasm_with_spec_version(5);
        let frame = ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Uncompressed);
        let compressed = [&COMPRESSED_PREFIX[..], &frame].concat();
        assert_eq!(RuntimeVersion::of_code(&compressed), RuntimeVersion::of_code(&plain));
        let cut = RuntimeVersion::of_code(&compressed[..compressed.len() - 9]);
        assert!(matches!(cut, Err(CodeError::Compression | CodeError::Truncated)), "{cut:?}");
    }

    #[test]
    fn several_frames_are_read_as_one_and_skippable_ones_are_passed_over() {
        let plain = wasm_with_spec_version(5);
        let pack =
            |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Uncompressed);
        let skippable = [0x5e, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        for at in [4, 8, 20, plain.len() - 3] {
            let (head, tail) = plain.split_at(at);
            let frames =
                [&COMPRESSED_PREFIX[..], &skippable, &pack(head), &skippable, &pack(tail), &skippable].concat();
            assert_eq!(RuntimeVersion::of_code(&frames), RuntimeVersion::of_code(&plain), "cut at {at}");
            let broken = [&COMPRESSED_PREFIX[..], &pack(head), &[1, 2, 3, 4, 5]].concat();
            assert!(RuntimeVersion::of_code(&broken).is_err(), "cut at {at}");
        }
        let nothing = [&COMPRESSED_PREFIX[..], &skippable].concat();
        assert_eq!(RuntimeVersion::of_code(&nothing), Err(CodeError::Compression));
        let beyond = [&COMPRESSED_PREFIX[..], &[0x50, 0x2a, 0x4d, 0x18, 9, 0, 0, 0, 1]].concat();
        assert_eq!(RuntimeVersion::of_code(&beyond), Err(CodeError::Compression));
    }

    #[test]
    fn a_window_is_declared_and_the_content_is_held() {
        let plain = wasm_with_spec_version(5);
        let content = &(u32::try_from(plain.len()).unwrap() << 3 | 1).to_le_bytes()[..3];
        // Window descriptors of 2 MiB, 128 MiB and 256 MiB; one raw block, the last one.
        let frame = |descriptor: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, descriptor], content, &plain].concat();
        let of = |descriptor| RuntimeVersion::of_code(&[&COMPRESSED_PREFIX[..], &frame(descriptor)].concat());
        let want = RuntimeVersion::of_code(&plain);
        assert_eq!((of(11 << 3), of(17 << 3)), (want.clone(), want));
        assert_eq!(of(18 << 3), Err(CodeError::Compression));
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        let of = |code: &[u8]| RuntimeVersion::of_code(code).unwrap_err();
        assert_eq!(of(&vec![0; CODE_BYTES_MAX + 1]), CodeError::TooLong { got: CODE_BYTES_MAX + 1 });
        assert_eq!(of(b""), CodeError::NotWasm);
        assert_eq!(of(b"\0asm\x02\0\0\0"), CodeError::NotWasm);
        assert_eq!(of(&COMPRESSED_PREFIX), CodeError::Compression);
        let wasm_and = |tail: &[u8]| of(&[&WASM_HEADER[..], tail].concat());
        assert_eq!(wasm_and(&[1, 5, 0]), CodeError::Truncated);
        assert_eq!(wasm_and(&[1]), CodeError::Truncated);
        assert_eq!(wasm_and(&[1, 255, 255, 255, 255, 255]), CodeError::Length);
        assert_eq!(wasm_and(&[1, 255, 255, 255, 255, 31]), CodeError::Length);
        assert_eq!(wasm_and(&[0, 3, 3, 0, 0]), CodeError::SectionName { got: 3, section: 3 });
        assert_eq!(wasm_and(&[1, 0].repeat(CODE_SECTIONS_MAX)), CodeError::TooManySections);
        let mut long = vec![0, 0x80, 0x80, 0x02, 15];
        long.extend(VERSION_SECTION);
        long.resize(40_000, 0);
        assert_eq!(wasm_and(&long), CodeError::SectionTooLong { got: 0x8000 - 16 });
        assert_eq!(of(&wasm(&[(APIS_SECTION, &[1]), (VERSION_SECTION, b"")])), CodeError::Apis { got: 1 });
        let cut = of(&wasm(&[(VERSION_SECTION, b"\x04")]));
        assert_eq!(cut, CodeError::Version(ScaleError::Truncated { wanted: 1, left: 0 }));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        // A frame whose header wants 64 MiB in one segment: refused before anything is allocated for it.
        let header = [0x28, 0xb5, 0x2f, 0xfd, 0xe0];
        let size = (64_u64 << 20).to_le_bytes();
        let wide = [&COMPRESSED_PREFIX[..], &header, &size, &[1, 0, 0]].concat();
        let got = RuntimeVersion::of_code(&wide).unwrap_err();
        assert!(matches!(got, CodeError::Compression | CodeError::Bomb), "{got:?}");
        // One section made of repeated blocks in a small window, up to the bound and one byte beyond it.
        assert_eq!(RuntimeVersion::of_code(&bomb(CODE_DECOMPRESSED_BYTES_MAX)), Ok(None));
        for len in [CODE_DECOMPRESSED_BYTES_MAX + 1, 60 << 20] {
            let bomb = bomb(len);
            assert!(bomb.len() < 3_000, "{} bytes for {len}", bomb.len());
            assert_eq!(RuntimeVersion::of_code(&bomb), Err(CodeError::Bomb), "{len}");
        }
        // Several frames have the bound together.
        assert_eq!(RuntimeVersion::of_code(&bomb_in_frames(CODE_DECOMPRESSED_BYTES_MAX, 100)), Ok(None));
        assert_eq!(
            RuntimeVersion::of_code(&bomb_in_frames(CODE_DECOMPRESSED_BYTES_MAX + 1, 100)),
            Err(CodeError::Bomb)
        );
    }

    fn bomb(len: u64) -> Vec<u8> {
        bomb_in_frames(len, u64::MAX)
    }

    /// Returns compressed code of one section, `len` bytes when it is unpacked, with a new frame every `blocks` blocks.
    fn bomb_in_frames(len: u64, blocks: u64) -> Vec<u8> {
        const FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
        const BLOCK: u64 = 128 << 10;
        let section = u32::try_from(len - 13).unwrap();
        let leb = [section | 0x80, section >> 7 | 0x80, section >> 14 | 0x80, section >> 21 & 0x7f].map(|n| n as u8);
        let start = [&WASM_HEADER[..], &[1], &leb].concat();
        let mut bomb = [&COMPRESSED_PREFIX[..], &FRAME].concat();
        bomb.extend(&(u32::try_from(start.len()).unwrap() << 3).to_le_bytes()[..3]);
        bomb.extend(&start);
        let (mut left, mut block) = (len - start.len() as u64, 0_u64);
        while left > 0 {
            let size = left.min(BLOCK);
            left -= size;
            block += 1;
            let is_last = left == 0 || block.is_multiple_of(blocks);
            // A block of one byte repeated; the lowest bit marks the last one of its frame.
            bomb.extend(&((u32::try_from(size).unwrap() << 3) | 1 << 1 | u32::from(is_last)).to_le_bytes()[..3]);
            bomb.push(0);
            if is_last && left > 0 {
                bomb.extend(FRAME);
            }
        }
        bomb
    }
}
