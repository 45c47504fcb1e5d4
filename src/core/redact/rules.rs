//! What secrets look like. Each pattern names what it hides `secret`; it is tried only on lines with one of its clues.

use std::sync::LazyLock;

use regex::Regex;

pub(super) const BEGIN: &str = "-----BEGIN ";
pub(super) const END: &str = "-----END ";

pub(super) struct Rule {
    /// In lower case; one of them is in every line the pattern can match. None: try every line.
    clues: &'static [&'static str],
    pub pattern: Regex,
    /// From what stands before it and the value itself: it is no secret after all.
    pub keep: fn(&str, &str) -> bool,
}

impl Rule {
    pub fn may_match(&self, line: &str) -> bool {
        let has = |clue: &str| line.as_bytes().windows(clue.len()).any(|at| at.eq_ignore_ascii_case(clue.as_bytes()));
        self.clues.is_empty() || self.clues.iter().any(|clue| has(clue))
    }
}

/// `None` when a pattern is broken: then nothing may be shown.
pub(super) fn all() -> Option<&'static [Rule]> {
    static RULES: LazyLock<Option<Vec<Rule>>> = LazyLock::new(|| {
        let rule =
            |(clues, pattern, keep): &Source| Some(Rule { clues, pattern: Regex::new(pattern).ok()?, keep: *keep });
        SOURCES.iter().map(rule).collect()
    });
    RULES.as_deref()
}

type Source = (&'static [&'static str], &'static str, fn(&str, &str) -> bool);

/// Those for whole values first: a shorter match of a later rule finds them hidden already.
const SOURCES: &[Source] = &[
    // scheme://user:password@host; a password with a bare slash only where that is plain.
    (&["://"], r#"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@"'<>]*:(?P<secret>[^\s/"'<>]+)@"#, never),
    (
        &["://"],
        r#"(?i-u:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?)://[^\s/:@"'<>]*:(?P<secret>[^\s"'<>]+)@"#,
        never,
    ),
    (&["://"], r"://(?P<secret>[A-Za-z0-9_\-.]{16,})@", never),
    // Web hooks: whoever has the address can post.
    (&["hooks.slack.com"], r#"hooks\.slack\.com/[a-z\-]+/(?P<secret>[^\s"'<>]+)"#, never),
    (&["/api/webhooks/"], r#"discord(?:app)?\.com/api/webhooks/(?P<secret>[^\s"'<>]+)"#, never),
    // Providers of blockchain nodes take their key in the path.
    (
        &[
            "alchemy",
            "infura.io",
            "quiknode.pro",
            "ankr.com",
            "rpcpool.com",
            "blastapi.io",
            "chainstack.com",
            "getblock.io",
            "drpc.org",
            "nodereal.io",
            "blockpi.network",
        ],
        r#"(?:alchemy(?:api)?\.(?:com|io)|infura\.io|quiknode\.pro|ankr\.com|rpcpool\.com|blastapi\.io|chainstack\.com|getblock\.io|drpc\.org|nodereal\.io|blockpi\.network)(?::[0-9]+)?/[^\s"'<>?]*?(?P<secret>[A-Za-z0-9_\-]{16,})"#,
        never,
    ),
    (
        &["key=", "sig=", "signature=", "auth=", "code=", "credential="],
        r#"[?&](?i-u:key|sig|signature|auth|code|x-amz-signature|x-amz-credential)=(?P<secret>[^&\s"'<>]+)"#,
        never,
    ),
    // Headers.
    (&["authorization"], r#"(?i-u:authorization)\\?["']?\s*[:=]\s*\\?["']?(?P<secret>[^"'\r\n,\\}]+)"#, blank),
    (&["cookie"], r#"(?i-u:(?:set-)?cookie)\\?["']?\s*[:=]\s*\\?["']?(?P<secret>[^"'\r\n\\}]+)"#, blank),
    (&["bearer"], r"\b(?i-u:bearer)\s+(?P<secret>[A-Za-z0-9._~+/=\-]{8,})", never),
    (&["basic"], r"\b(?i-u:basic)\s+(?P<secret>[A-Za-z0-9+/=]{8,})", word),
    // Tokens that say what they are.
    (&["eyj"], r"\b(?P<secret>eyJ[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*)?)", never),
    (&["xox", "xapp-"], r"\b(?P<secret>(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9\-]{6,})", never),
    (
        &["akia", "asia", "aroa", "aida", "agpa", "anpa"],
        r"\b(?P<secret>(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{16})\b",
        never,
    ),
    (
        &["gh", "glpat-", "npm_", "glsa_", "hvs.", "dop_v1_", "sk-", "sk_", "rk_", "aiza", "age-secret-key-"],
        r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_\-]{16,}|npm_[A-Za-z0-9]{30,}|glsa_[A-Za-z0-9_]{20,}|hvs\.[A-Za-z0-9_\-]{20,}|dop_v1_[a-f0-9]{40,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_\-]{20,}|AIza[A-Za-z0-9_\-]{30,}|AGE-SECRET-KEY-1[A-Z0-9]{40,})",
        never,
    ),
    (&[":"], r"\b(?:bot)?(?P<secret>[0-9]{8,10}:[A-Za-z0-9_\-]{35})\b", never),
    // Words that bring a key to life again.
    (
        &["mnemonic", "phrase"],
        r#"(?i-u:mnemonic|(?:seed|recovery)[_\-. ]?phrase)\\?["']?\s*(?:[:=]|is\b)\s*\\?["'\[]?(?P<secret>[^"'\r\n\\\]}]+)"#,
        blank,
    ),
    (
        &["private", "priv", "secret"],
        r"(?i-u:(?:private|priv|secret)[ _\-.]?key)[^A-Za-z0-9\r\n\[]{1,6}(?:is |was )?(?P<secret>[A-Za-z0-9+/=]{20,})",
        never,
    ),
    // name=value, "name": "value", name: value, --name value
    (
        NAMES,
        r#"(?P<name>(?i-u:[a-z0-9_.\-]*(?:password|passwd|passphrase|passcode|pwd|secret|token|credentials?|(?:api|access|private|priv|secret|signing|auth|encryption|account)[ _\-.]?key)(?:[_\-.][a-z0-9_.\-]+|[0-9]+)?))(?:\\?["']?\s*(?::=|=>|=|:)\s*)(?:(?i-u:bearer|basic)\s+)?(?P<secret>\\"(?:[^"\\]|\\[^"])*\\?"?|"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"'})\]<>]+)"#,
        harmless,
    ),
    (
        NAMES,
        r"--?(?i-u:[a-z0-9\-]*(?:password|passphrase|secret|token|(?:api|access|private)-?key))\s+(?P<secret>[^\s\-][^\s]*)",
        never,
    ),
    // 64 bytes are a key pair on Solana, and a signature too.
    (&[], r"\b(?P<secret>(?:0x)?[0-9a-fA-F]{128})\b", signature),
    (&[], r"\b(?P<secret>[1-9A-HJ-NP-Za-km-z]{85,90})\b", signature),
    (&["["], r"\[\s*(?P<secret>(?:[0-9]{1,3}\s*,\s*){31,}[0-9]{1,3})\s*,?\s*(?:\]|$)", larger_than_bytes),
];

const NAMES: &[&str] = &["pass", "pwd", "secret", "token", "credential", "key"];

fn never(_before: &str, _secret: &str) -> bool {
    false
}

fn blank(_before: &str, secret: &str) -> bool {
    secret.trim().is_empty()
}

/// "basic connectivity": prose, not credentials.
fn word(_before: &str, secret: &str) -> bool {
    secret.chars().all(|c| c.is_ascii_lowercase())
}

/// Numbers that are no bytes.
fn larger_than_bytes(_before: &str, secret: &str) -> bool {
    secret.split(',').any(|number| number.trim().parse::<u8>().is_err())
}

/// A transaction's signature is public, and what people look for.
fn signature(before: &str, _secret: &str) -> bool {
    const PUBLIC: [&str; 8] = ["signature", "signatures", "sig", "tx", "txn", "txid", "transaction", "sha512"];
    let before = before.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let from = before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let name = before.get(from..).unwrap_or_default().to_ascii_lowercase();
    PUBLIC.contains(&name.as_str()) || name.ends_with("signature") || name.ends_with("sig")
}

/// Nothing, a placeholder, or a name that speaks of a token without being one.
fn harmless(before: &str, secret: &str) -> bool {
    const NOTHING: [&str; 9] = ["", "null", "none", "nil", "<nil>", "true", "false", "undefined", "{"];
    const ABOUT: [&str; 14] = [
        "_count",
        "_mint",
        "_address",
        "_name",
        "_type",
        "_symbol",
        "_file",
        "_path",
        "_program",
        "_ttl",
        "_expires",
        "_expires_in",
        "_expiry",
        "_env",
    ];
    let value = secret.trim_matches(['"', '\'', '\\']);
    if NOTHING.contains(&value.to_ascii_lowercase().as_str()) || value.chars().all(|c| c == '*') {
        return true;
    }
    let name = before.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let from = name.rfind(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).map_or(0, |at| at + 1);
    let name = name.get(from..).unwrap_or_default().to_ascii_lowercase().replace(['-', '.'], "_");
    ABOUT.iter().any(|end| name.ends_with(end))
}
