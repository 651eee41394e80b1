use crate::Manner;

/// Finds the end of the first packet of a key exchange in what a server writes: the line with
/// the identification, then one packet, which is still in the clear and so tells its length.
#[derive(Debug)]
pub(crate) struct KexCut {
    /// What comes in place of the rest.
    pub(crate) manner: Manner,
    at: At,
}

#[derive(Debug, Default)]
enum At {
    #[default]
    Line,
    Length {
        read: usize,
        value: u32,
    },
    Body {
        left: usize,
    },
}

/// Bytes of the length field in front of a packet (RFC 4253, section 6).
const LENGTH_BYTES: usize = 4;

impl KexCut {
    pub(crate) fn new(manner: Manner) -> Self {
        Self { manner, at: At::default() }
    }

    /// The leading bytes that may pass now; none of them once the packet has passed.
    pub(crate) fn allowed<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let count = match self.at {
            At::Line => {
                bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
            }
            At::Length { read, .. } => LENGTH_BYTES - read,
            At::Body { left } => left,
        };
        &bytes[..count.min(bytes.len())]
    }

    /// Takes note of bytes that have passed; they are those that were allowed, or fewer.
    pub(crate) fn passed(&mut self, bytes: &[u8]) {
        match &mut self.at {
            At::Line if bytes.ends_with(b"\n") => self.at = At::Length { read: 0, value: 0 },
            At::Line => {}
            At::Length { read, value } => {
                for byte in bytes {
                    *value = (*value << 8) | u32::from(*byte);
                }
                *read += bytes.len();
                if *read == LENGTH_BYTES {
                    self.at = At::Body { left: usize::try_from(*value).unwrap_or(usize::MAX) };
                }
            }
            At::Body { left } => *left -= bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_packet_passes_however_the_bytes_are_cut() {
        let mut sent = b"SSH-2.0-lab\r\n".to_vec();
        sent.extend([0, 0, 0, 5]);
        sent.extend(*b"kexin");
        let expected = sent.clone();
        sent.extend([0, 0, 0, 2, 9, 9]);
        for step in 1..sent.len() {
            let (mut cut, mut passed) = (KexCut::new(Manner::Silent), Vec::new());
            loop {
                let end = (passed.len() + step).min(sent.len());
                let allowed = cut.allowed(&sent[passed.len()..end]);
                if allowed.is_empty() {
                    break;
                }
                cut.passed(allowed);
                passed.extend_from_slice(allowed);
            }
            assert_eq!(passed, expected, "in steps of {step}");
        }
    }
}
