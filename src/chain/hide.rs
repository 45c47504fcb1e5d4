//! What an endpoint says may repeat its own address, and with it the key to it.

use url::Url;

/// Shorter parts of an address are words; a key is no word.
const SHORTEST: usize = 8;

/// The parts of an address that may be a key, the longest first.
#[derive(Clone, Debug)]
pub(super) struct Hidden(Vec<String>);

impl Hidden {
    pub fn of(url: &Url) -> Self {
        let whole = [url.path().trim_matches('/'), url.query().unwrap_or_default()];
        let person = [url.username(), url.password().unwrap_or_default()];
        let segments = url.path().split('/');
        let values = url.query().unwrap_or_default().split(['&', '=']);
        let mut parts: Vec<String> =
            whole.into_iter().chain(person).chain(segments).chain(values).map(str::to_owned).collect();
        parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        parts.retain(|part| part.len() >= SHORTEST);
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts.dedup();
        Self(parts)
    }

    pub fn hide(&self, text: &str) -> String {
        let mut text = self.0.iter().fold(text.to_owned(), |text, part| text.replace(part.as_str(), "…"));
        // Texts are cut to a length, and so may be the key at their end.
        for part in &self.0 {
            let cut = (SHORTEST..part.len()).rev().filter_map(|length| part.get(..length));
            if let Some(rest) = cut.into_iter().find_map(|cut| text.strip_suffix(cut)) {
                text = format!("{rest}…");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_an_address_is_hidden_whole_and_cut_off() {
        let url = "https://ann:secret-word@rpc.example/v2/0123456789abcdef?apikey=fedcba98%2B76543210".parse().unwrap();
        let hidden = Hidden::of(&url);
        for (said, shown) in [
            ("no such key 0123456789abcdef here", "no such key … here"),
            ("bad apikey=fedcba98%2B76543210", "bad …"),
            ("bad key fedcba98+76543210", "bad key …"),
            ("POST /v2/0123456789abcdef", "POST /…"),
            ("ann:secret-word", "ann:…"),
            ("cut at 0123456789", "cut at …"),
            ("header not found", "header not found"),
        ] {
            assert_eq!(hidden.hide(said), shown);
        }
    }
}
