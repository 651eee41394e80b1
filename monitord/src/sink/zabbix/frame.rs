//! Zabbix's framing: `ZBXD`, flags, lengths, payload.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use tokio::io::{AsyncRead, AsyncReadExt};

const MAGIC: &[u8; 4] = b"ZBXD";
/// Every frame has it.
const PROTOCOL: u8 = 0x01;
/// The payload is a zlib stream.
const COMPRESSED: u8 = 0x02;
/// The lengths have eight bytes each, not four.
const LARGE: u8 = 0x04;
/// Magic, flags, and two lengths of eight bytes.
const HEADER_BYTES_MAX: usize = 21;
/// Requests from this size on are compressed: about eight values, which shrink to a third.
const COMPRESS_BYTES_MIN: usize = 1024;
/// The largest reply that is read, on the wire and unpacked. A real one has about 100 bytes.
const REPLY_BYTES_MAX: u64 = 64 * 1024;

/// `payload` in a frame, compressed when that is worth it.
pub(super) fn encode(payload: &[u8]) -> Vec<u8> {
    if payload.len() < COMPRESS_BYTES_MIN {
        return framed(0, payload, 0);
    }
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(payload.len() / 4), Compression::fast());
    let packed = encoder.write_all(payload).and_then(|()| encoder.finish());
    let packed = packed.expect("a vector takes every write");
    framed(COMPRESSED, &packed, payload.len() as u64)
}

/// Lengths that need more than four bytes get eight.
fn framed(flags: u8, payload: &[u8], reserved: u64) -> Vec<u8> {
    let length = payload.len() as u64;
    let lengths = [length, reserved].map(u32::try_from);
    let mut frame = Vec::with_capacity(payload.len() + HEADER_BYTES_MAX);
    frame.extend_from_slice(MAGIC);
    if let [Ok(length), Ok(reserved)] = lengths {
        frame.push(PROTOCOL | flags);
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(&reserved.to_le_bytes());
    } else {
        frame.push(PROTOCOL | LARGE | flags);
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(&reserved.to_le_bytes());
    }
    frame.extend_from_slice(payload);
    frame
}

/// Reads one frame and returns its payload, unpacked.
///
/// # Errors
///
/// When it is no frame, larger than a reply may be, cut short, or cannot be unpacked.
///
/// # Cancel safety
///
/// Not cancel safe: bytes that were read are lost.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let (magic, flags) = (&head[..4], head[4]);
    if magic != MAGIC || flags & PROTOCOL == 0 || flags & !(PROTOCOL | COMPRESSED | LARGE) != 0 {
        return Err(invalid("the answer is not in Zabbix's protocol"));
    }
    let (length, unpacked_length) = if flags & LARGE == 0 {
        (u64::from(stream.read_u32_le().await?), u64::from(stream.read_u32_le().await?))
    } else {
        (stream.read_u64_le().await?, stream.read_u64_le().await?)
    };
    if length > REPLY_BYTES_MAX {
        return Err(invalid("the answer is larger than 64 KiB"));
    }
    let mut payload = Vec::new();
    stream.take(length).read_to_end(&mut payload).await?;
    if payload.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if flags & COMPRESSED == 0 { Ok(payload) } else { unpack(&payload, unpacked_length) }
}

/// Unpacks `packed`, and no more of it than a reply may have, whatever it claims to be.
fn unpack(packed: &[u8], length: u64) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    ZlibDecoder::new(packed).take(REPLY_BYTES_MAX + 1).read_to_end(&mut unpacked)?;
    let size = unpacked.len() as u64;
    if size > REPLY_BYTES_MAX {
        return Err(invalid("the unpacked answer is larger than 64 KiB"));
    }
    if size != length {
        return Err(invalid("the unpacked answer is not as long as it says"));
    }
    Ok(unpacked)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(payload: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(payload).unwrap();
        encoder.finish().unwrap()
    }

    fn frame(flags: u8, length: u64, reserved: u64, payload: &[u8]) -> Vec<u8> {
        let mut frame = [MAGIC.as_slice(), &[flags]].concat();
        for number in [length, reserved] {
            let bytes = number.to_le_bytes();
            frame.extend_from_slice(if flags & LARGE == 0 { &bytes[..4] } else { &bytes });
        }
        [frame, payload.to_vec()].concat()
    }

    async fn check(bytes: &[u8], expected: Result<&[u8], &str>) {
        let mut bytes = bytes;
        match (read(&mut bytes).await, expected) {
            (Ok(payload), Ok(expected)) => assert_eq!(payload, expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (got, expected) => panic!("got {got:?}, expected {expected:?}"),
        }
    }

    #[tokio::test]
    async fn all_four_forms_are_read() {
        let text = b"{\"response\":\"success\"}";
        let zipped = packed(text);
        let (size, zipped_size) = (text.len() as u64, zipped.len() as u64);
        check(&encode(text), Ok(text)).await;
        check(&frame(0x03, zipped_size, size, &zipped), Ok(text)).await;
        check(&frame(0x05, size, 0, text), Ok(text)).await;
        check(&frame(0x07, zipped_size, size, &zipped), Ok(text)).await;
    }

    #[tokio::test]
    async fn a_long_request_is_compressed_and_a_length_above_four_bytes_takes_eight() {
        let text = "a value like many others; ".repeat(1000);
        let frame = encode(text.as_bytes());
        assert!(frame[4] == 0x03 && frame.len() < text.len() / 10, "{}", frame.len());
        check(&frame, Ok(text.as_bytes())).await;
        let large = framed(COMPRESSED, b"abc", 1 << 32);
        assert_eq!((large[4], large.len()), (0x07, HEADER_BYTES_MAX + 3));
        assert_eq!(large[13..21], (1u64 << 32).to_le_bytes());
    }

    #[tokio::test]
    async fn nothing_unbounded_or_untrue_is_read() {
        let bomb = packed(&vec![0; 10_000_000]);
        check(&frame(0x03, bomb.len() as u64, 9, &bomb), Err("larger than 64 KiB")).await;
        check(&frame(0x05, u64::MAX, 0, b""), Err("larger than 64 KiB")).await;
        check(&frame(0x03, 3, 9, b"abc"), Err("")).await;
        check(&frame(0x03, packed(b"abc").len() as u64, 2, &packed(b"abc")), Err("as long")).await;
        check(&frame(0x01, 9, 0, b"short"), Err("end of file")).await;
        check(b"HTTP/1.1 400 Bad Request\r\n\r\n", Err("not in Zabbix's protocol")).await;
        check(b"", Err("eof")).await;
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_read_more_than_it_may(bytes: Vec<u8>, flags in 0u8..8) {
            let framed = [MAGIC.as_slice(), &[flags], &bytes].concat();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let payload = runtime.block_on(read(&mut framed.as_slice())).unwrap_or_default();
            prop_assert!(payload.len() as u64 <= REPLY_BYTES_MAX);
        }
    }
}
