//! Pagers that are on nevertheless.

use pool_core::{Context, Phase, Result};

use crate::PlatformDefinition;
use crate::channel::Channel;

/// The longest line that is taken for a pager's.
const PAGER_CHARS_MAX: usize = 128;

/// Presses the key that a pager waits for, if one stands at the end, and takes its text off the
/// screen, as not every device does. Says whether it did.
///
/// # Errors
///
/// In `phase`: the context ended, or the device closed its side.
///
/// # Cancel safety
///
/// Not cancel safe: the key may have been pressed.
pub(crate) async fn answer_pager(
    ctx: &Context,
    phase: Phase,
    channel: &mut Channel,
    platform: &PlatformDefinition,
) -> Result<bool> {
    if channel.screen.line_length() > PAGER_CHARS_MAX {
        return Ok(false);
    }
    let line = channel.screen.line();
    let line = line.trim_end();
    let mut pagers = platform.pagers.iter();
    let shown = pagers.find_map(|pager| Some((pager, pager.pattern.find(line)?)));
    let Some((pager, text)) = shown else { return Ok(false) };
    let before = line[..text.start()].chars().count();
    channel.screen.cut_line(before);
    channel.send(ctx, phase, &pager.key).await?;
    Ok(true)
}
