//! From what Slack sends to plain words: markup, entities and typographic quotes undone, quotes kept together.

/// A word and where it stands in the text it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    pub start: usize,
}

/// Text as a person meant it: links and mentions become their labels, entities and typographic quotes become plain.
pub(super) fn plain(text: &str) -> String {
    meant(text, false)
}

/// As [`plain`], with people as `@` and their Slack id.
pub(super) fn with_ids(text: &str) -> String {
    meant(text, true)
}

fn meant(text: &str, ids: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some((shown, after)) = markup(rest, ids) {
            out.push_str(&entities(&shown));
            rest = after;
            continue;
        }
        if let Some((character, after)) = entity(rest) {
            out.push(character);
            rest = after;
            continue;
        }
        rest = &rest[next.len_utf8()..];
        match next {
            '“' | '”' | '„' | '«' | '»' => out.push('"'),
            '‘' | '’' => out.push('\''),
            // People paste commands as code, and invisible characters come along.
            '`' | '\u{200b}' | '\u{2060}' | '\u{feff}' => {}
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// `<http://x|SOL/USD>`, `<@U1|ann>`, `<#C1|general>`, `<!here>`: what is shown for it, and what comes after.
fn markup(text: &str, ids: bool) -> Option<(String, &str)> {
    let (inside, after) = text.strip_prefix('<')?.split_once('>')?;
    if inside.is_empty() || inside.contains(['<', ' ', '\n']) && !inside.contains('|') {
        return None;
    }
    let (target, label) = inside.split_once('|').map_or((inside, None), |(target, label)| (target, Some(label)));
    let sign = target.chars().next()?;
    let label = label.filter(|_| !(ids && sign == '@'));
    let shown = match sign {
        '@' | '#' | '!' => {
            let sign = if sign == '!' { '@' } else { sign };
            format!("{sign}{}", label.unwrap_or(&target[1..]))
        }
        _ if target.contains(':') => label.unwrap_or(target).to_owned(),
        _ => return None,
    };
    Some((shown, after))
}

fn entity(text: &str) -> Option<(char, &str)> {
    [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&')]
        .into_iter()
        .find_map(|(written, character)| text.strip_prefix(written).map(|after| (character, after)))
}

fn entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Splits at spaces, but not inside double quotes; a quote that is never closed runs to the end.
pub(super) fn split(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        if c == ' ' && !quoted {
            words.extend(start.take().map(|start| Word { text: &text[start..at], start }));
            continue;
        }
        start.get_or_insert(at);
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
    }
    words.extend(start.map(|start| Word { text: &text[start..], start }));
    words
}
