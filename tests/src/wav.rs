//! A sound file with bytes in its samples: how one theft brought its script past filters.

/// Every sample byte is exclusive-ored with this.
pub const KEY: u8 = 0x5a;

/// A valid WAV file (PCM, one channel, 8 bits, 8 kHz) whose samples are `payload`, exclusive-ored with [`KEY`].
///
/// # Panics
/// When the payload is longer than a WAV file can say.
pub fn wrap(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).ok().filter(|n| *n <= u32::MAX - 37);
    let Some(length) = length else { panic!("{} bytes do not fit into a WAV file", payload.len()) };
    // Chunks are padded to an even length; the pad is not counted in the chunk's own length.
    let pad = length % 2;
    let mut wav = Vec::with_capacity(payload.len() + 45);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + length + pad).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    wav.extend_from_slice(&[1, 0, 1, 0]);
    // Samples a second, bytes a second.
    wav.extend_from_slice(&8000_u32.to_le_bytes());
    wav.extend_from_slice(&8000_u32.to_le_bytes());
    // Bytes a frame, bits a sample.
    wav.extend_from_slice(&[1, 0, 8, 0]);
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&length.to_le_bytes());
    wav.extend(payload.iter().map(|b| b ^ KEY));
    wav.extend(std::iter::repeat_n(0, usize::from(pad == 1)));
    wav
}
