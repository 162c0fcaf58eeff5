//! The text of an answer, of which the large parts are shared by all who get them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// From how many bytes on a result is shared instead of copied into each answer that carries it.
const SHARED_FROM_BYTES: usize = 4096;

/// A text in parts. Clones are cheap, and share them.
#[derive(Clone, Default)]
pub struct Body {
    parts: Vec<Arc<str>>,
    bytes: usize,
}

impl Body {
    /// Returns how many bytes it has.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Tells whether it has none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Returns its parts, which one after another are the text.
    pub fn parts(&self) -> &[Arc<str>] {
        &self.parts
    }

    /// Returns the text in one piece.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes);
        self.parts.iter().for_each(|part| text.push_str(part));
        text
    }
}

impl PartialEq for Body {
    /// Bodies are the same when their texts are, however they are cut.
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.text() == other.text()
    }
}

impl Eq for Body {}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| f.write_str(part))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        let mut writer = Writer::default();
        writer.push(&text);
        writer.finish()
    }
}

/// Writes a [`Body`].
#[derive(Default)]
pub(super) struct Writer {
    body: Body,
    open: String,
}

impl Writer {
    /// Appends a text of which a copy is made.
    pub(super) fn push(&mut self, text: &str) {
        self.open.push_str(text);
    }

    /// Appends a text that is shared where it is large.
    pub(super) fn push_shared(&mut self, text: &Arc<str>) {
        if text.len() < SHARED_FROM_BYTES {
            return self.push(text);
        }
        self.close();
        self.take(Arc::clone(text));
    }

    /// Appends a body.
    pub(super) fn push_body(&mut self, body: &Body) {
        body.parts.iter().for_each(|part| self.push_shared(part));
    }

    /// Returns what was written.
    pub(super) fn finish(mut self) -> Body {
        self.close();
        self.body
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            let open = core::mem::take(&mut self.open);
            self.take(open.into());
        }
    }

    fn take(&mut self, part: Arc<str>) {
        self.body.bytes = self.body.bytes.saturating_add(part.len());
        self.body.parts.push(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_is_shared_and_what_is_small_is_joined() {
        let (small, large): (Arc<str>, Arc<str>) = ("ab".into(), "x".repeat(SHARED_FROM_BYTES).into());
        let mut writer = Writer::default();
        writer.push("[");
        for text in [&small, &large, &small, &large] {
            writer.push_shared(text);
        }
        writer.push("]");
        let body = writer.finish();
        assert_eq!(body.parts().len(), 5);
        assert!(Arc::ptr_eq(&body.parts()[1], &large) && Arc::ptr_eq(&body.parts()[3], &large));
        assert_eq!(body.text(), alloc::format!("[ab{large}ab{large}]"));
        assert_eq!(body.len(), body.text().len());
        assert_eq!(body, Body::from(body.text()));
        assert_ne!(body, Body::from(body.text().replace('b', "c")));
        assert!(Body::from(String::new()).is_empty());
    }
}
