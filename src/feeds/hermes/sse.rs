//! Server-sent events, decoded as they arrive: bytes in, events out, no I/O.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

/// One thing the stream said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Event {
        name: &'a [u8],
        data: &'a [u8],
    },
    /// An event larger than the limit was left out.
    Oversize,
}

/// Holds at most one event, of at most `limit` bytes.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The current line as far as it has come.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    event: Begun,
    after_cr: bool,
    at_start: bool,
}

/// How far the current event has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    No,
    Data,
    Oversize,
}

impl Decoder {
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let empty = Vec::new;
        Self { limit, line: empty(), name: empty(), data: empty(), event: Begun::No, after_cr: false, at_start: true }
    }

    /// Takes the next bytes, however they were cut, and calls `on` for everything they complete.
    pub fn push(&mut self, mut bytes: &[u8], mut on: impl FnMut(Item<'_>)) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.after_cr {
                self.after_cr = false;
                if first == b'\n' {
                    bytes = rest;
                    continue;
                }
            }
            let Some(end) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
                self.keep(bytes);
                return;
            };
            let (head, tail) = bytes.split_at(end);
            self.after_cr = tail.first() == Some(&b'\r');
            bytes = tail.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                self.end_line(head, &mut on);
            } else {
                self.keep(head);
                let mut line = std::mem::take(&mut self.line);
                self.end_line(&line, &mut on);
                line.clear();
                self.line = line;
            }
        }
    }

    /// Whether an event was begun and not ended: what a cut connection leaves behind.
    #[must_use]
    pub fn has_half_event(&self) -> bool {
        self.event != Begun::No || !self.line.is_empty()
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.line.len().saturating_add(bytes.len()) > self.limit {
            self.event = Begun::Oversize;
            // A field name that means nothing, so that the rest of the line is not read as a line of its own.
            self.line.clear();
            self.line.push(b'!');
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self, line: &[u8], on: &mut impl FnMut(Item<'_>)) {
        let line =
            if std::mem::take(&mut self.at_start) { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
        if line.is_empty() {
            self.end_event(on);
            return;
        }
        if line.len() > self.limit {
            self.event = Begun::Oversize;
            return;
        }
        let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" if self.data.len().saturating_add(value.len()) > self.limit => self.event = Begun::Oversize,
            b"data" => match self.event {
                Begun::Oversize => {}
                Begun::Data => {
                    self.data.push(b'\n');
                    self.data.extend_from_slice(value);
                }
                Begun::No => {
                    self.event = Begun::Data;
                    self.data.extend_from_slice(value);
                }
            },
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value.get(..value.len().min(64)).unwrap_or(value));
            }
            // Comments (an empty field), `id`, `retry` and whatever is added later mean nothing here.
            _ => {}
        }
    }

    fn end_event(&mut self, on: &mut impl FnMut(Item<'_>)) {
        match self.event {
            Begun::Oversize => on(Item::Oversize),
            Begun::Data => on(Item::Event { name: &self.name, data: &self.data }),
            Begun::No => {}
        }
        self.name.clear();
        self.data.clear();
        self.event = Begun::No;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::new(64);
        let mut seen = Vec::new();
        for chunk in chunks {
            decoder.push(chunk, |item| {
                seen.push(match item {
                    Item::Event { name, data } => {
                        format!("{}|{}", String::from_utf8_lossy(name), String::from_utf8_lossy(data))
                    }
                    Item::Oversize => "oversize".to_owned(),
                });
            });
        }
        seen
    }

    #[test]
    fn events_comments_and_several_data_lines_are_told_apart() {
        let text = b"\xEF\xBB\xBF: hello\n\ndata: a\ndata:b\nid: 7\nretry: 3\n\nevent: error\r\ndata: gone\r\n\r\ndata\r\rdata: half";
        assert_eq!(decode(&[text]), ["|a\nb", "error|gone", "|"]);
    }

    #[test]
    fn an_event_over_the_limit_is_left_out_and_the_next_one_is_read() {
        let long = "x".repeat(80);
        let text = format!("data: {long}\n\ndata: {}\ndata: {}\n\ndata: ok\n\n", &long[..40], &long[..40]);
        assert_eq!(decode(&[text.as_bytes()]), ["oversize", "oversize", "|ok"]);
        let bytewise: Vec<_> = text.as_bytes().chunks(1).collect();
        assert_eq!(decode(&bytewise), ["oversize", "oversize", "|ok"]);
    }

    #[test]
    fn a_cut_connection_leaves_a_half_event_that_is_not_given_out() {
        let mut decoder = Decoder::new(64);
        decoder.push(b"data: {\"par", |item| panic!("{item:?}"));
        assert!(decoder.has_half_event());
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "data: a", "data:", "data", "event: e", ":", ": c", "\n", "\r", "\r\n", "\n\n", "x", "id: 1", "\u{feff}",
            "é", "\0",
        ]);
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_events(text in text(), cuts in prop::collection::vec(0usize..200, 0..8)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut start = 0;
            for cut in cuts {
                chunks.push(&text[start..cut]);
                start = cut;
            }
            chunks.push(&text[start..]);
            prop_assert_eq!(decode(&chunks), decode(&[&text]));
        }
    }
}
