use proptest::prelude::*;

use super::*;

fn hides(text: &str, secret: &str) {
    let Redacted { text: shown, hidden } = redacted(text);
    assert!(text.contains(secret), "a test of nothing: {text}");
    assert!(!shown.contains(secret) && hidden > 0, "{shown}");
    assert_eq!(redacted(&shown), Redacted { text: shown.clone(), hidden: 0 }, "twice is once");
}

fn keeps(text: &str) {
    assert_eq!(redacted(text), Redacted { text: text.to_owned(), hidden: 0 });
}

#[test]
fn every_pattern_is_sound() {
    assert!(rules::all().is_some_and(|rules| rules.len() > 20));
}

#[test]
fn only_the_secret_goes_what_helps_stays() {
    assert_eq!(
        redact("2026-11-29T12:00:00Z ERROR connect postgres://pusher:hunter2@db.feeds.svc:5432/prices: timeout"),
        "2026-11-29T12:00:00Z ERROR connect postgres://pusher:[hidden]@db.feeds.svc:5432/prices: timeout"
    );
    assert_eq!(redact("DB_PASSWORD=hunter2 DB_HOST=db"), "DB_PASSWORD=[hidden] DB_HOST=db");
    assert_eq!(
        redact(r#"{"level":"info","token":"abc.def","feed":"SOL/USD"}"#),
        r#"{"level":"info","token":[hidden],"feed":"SOL/USD"}"#
    );
    assert_eq!(
        redact("GET /v2/x -> 401, Authorization: Bearer abc123def456"),
        "GET /v2/x -> 401, Authorization: [hidden]"
    );
}

#[test]
fn headers_and_bearer_tokens() {
    hides("sending Bearer AbCdEf123456.xyz~ to hermes", "AbCdEf123456.xyz~");
    hides("bearer onlylowercaseletters", "onlylowercaseletters");
    hides("token: Bearer abcdefgh12345678", "abcdefgh12345678");
    hides("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz");
    hides(r#"headers={"authorization":"Token 12ab"}"#, "12ab");
    hides(r#"{\"authorization\":\"Bearer zzzz9999yyyy\"}"#, "zzzz9999yyyy");
    hides("proxy-authorization = Basic QWxhZGRpbjpvcGVu", "QWxhZGRpbjpvcGVu");
    hides("X-Api-Key: 9f8e7d", "9f8e7d");
    hides("set-cookie: session=deadbeef; Path=/", "deadbeef");
}

#[test]
fn clouds_and_forges() {
    hides("using AKIAIOSFODNN7EXAMPLE for s3", "AKIAIOSFODNN7EXAMPLE");
    hides("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI");
    hides("AWS_SESSION_TOKEN=FwoGZXIvYXdzEBYaD//x==", "FwoGZXIvYXdzEBYaD");
    hides("push with ghp_0123456789abcdefghijklmnopqrstuvwxyz", "ghp_0123456789");
    hides("glpat-abcdefghij0123456789", "glpat-abcdefghij");
    hides("key AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIzaSyA1234567890");
    hides("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyjWDarjtT1zdp7dc");
    hides("https://x.s3.amazonaws.com/k?X-Amz-Credential=AK%2F1&X-Amz-Signature=0a1b2c3d", "0a1b2c3d");
}

#[test]
fn slack_tokens_and_web_hooks() {
    for token in
        ["xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy", "xapp-1-A123-456-abcdef", "xoxe.xoxp-1-Mi0yLTE"]
    {
        hides(&format!("slack said invalid_auth for {token}."), token);
    }
    hides("POST https://hooks.slack.com/services/T000/B000/XXXXyyyy", "XXXXyyyy");
    hides("https://discord.com/api/webhooks/123/abc-DEF", "abc-DEF");
    hides(
        "https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/getMe",
        "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1",
    );
}

#[test]
fn jwt_wherever_it_stands() {
    let jwt =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    hides(&format!("sa={jwt}"), jwt);
    hides(&format!("[{jwt}]"), "dozjgNryP4J3jVmNHl0w5N");
    hides(&format!("cut off {}", &jwt[..60]), "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
}

#[test]
fn passwords_in_addresses() {
    hides("redis://:p%40ss@cache:6379/0", "p%40ss");
    hides("amqps://u:a@b@mq/vhost", "a@b");
    hides("mongodb+srv://root:a/b?c@cluster0.example.net", "a/b?c");
    hides("https://0123456789abcdef0123@sentry.example.com/1", "0123456789abcdef0123");
    keeps("https://hermes.pyth.network:443/v2/updates/price/latest?ids[]=0xef0d");
    keeps("http://10.0.0.7:8080/ready and then mail ops@example.com");
}

#[test]
fn keys_of_node_providers_in_addresses() {
    hides("https://solana-mainnet.g.alchemy.com/v2/Ab3dEfGh1jKlMn0pQrStUvWxYz012345 timed out", "Ab3dEfGh1jKlMn0p");
    hides("wss://mainnet.infura.io/ws/v3/0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef");
    hides("https://dry-cold-sea.solana-mainnet.quiknode.pro/aa11bb22cc33dd44ee55ff66aa11bb22cc33dd44/", "aa11bb22cc33");
    hides("https://mainnet.helius-rpc.com/?api-key=1234-abcd", "1234-abcd");
    hides("https://rpc.example.com/?key=abc", "abc");
    keeps(
        "https://explorer.solana.com/tx/5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnbJLgp8uirBgmQpjKhoR4tjF3ZpRzrFmBV6UjKdiSZkQUW",
    );
}

#[test]
fn pairs_of_a_telling_name_and_a_value() {
    for text in [
        "password=s3cr3t",
        "Password: s3cr3t",
        "PGPASSWORD='s3cr3t'",
        "\"db_password\": \"s3cr3t\"",
        "dbPassword=\"s3cr3t\"",
        "passwd => s3cr3t",
        "--password s3cr3t",
        "--api-key=s3cr3t",
        "apiKey: s3cr3t",
        "client_secret=s3cr3t,",
        "HERMES_TOKEN=s3cr3t",
        "token2=s3cr3t",
        "KEEPER_PRIVATE_KEY=s3cr3t",
        "private key: s3cr3t",
        "passphrase = s3cr3t",
        "{password: s3cr3t}",
        "{\\\"password\\\":\\\"s3cr3t\\\"}",
        "SECRET_KEY_BASE=s3cr3t",
        "url?x=1&access_token=s3cr3t&y=2",
    ] {
        hides(text, "s3cr3t");
    }
    hides(r#"password="two words \" and more""#, "and more");
    hides("\u{1b}[3mpassword\u{1b}[0m\u{1b}[2m=\u{1b}[0mhunter2", "hunter2");
    hides("mnemonic: legal winner thank year wave sausage worth useful", "sausage");
    hides("seed phrase is \"legal winner thank\"", "winner");
}

#[test]
fn what_only_sounds_like_a_secret_stays() {
    for text in [
        "tokens=5 max_tokens: 12",
        "token_mint=So11111111111111111111111111111111111111112",
        "password=",
        "password: null, token: <nil>, secret=\"\"",
        "secret=*****",
        "MountVolume.SetUp failed for volume \"tls\" : secret \"hermes-tls\" not found",
        "couldn't find key DB_PASSWORD in Secret feeds/hermes-db",
        "secretName: hermes-tls",
        "tokenizer: bpe",
        "TOKEN_FILE=/run/secrets/hermes",
        "basic connectivity is fine",
        "the keeper pushed SOL/USD at 142.31 ± 0.02",
        "Back-off restarting failed container pusher in pod price-pusher-solana-6d5b7c-x2x9k",
        "feed 0xef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d is stale",
        "image ghcr.io/acme/hermes@sha256:9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de",
        "wallet 7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU has 1.2 SOL",
    ] {
        keeps(text);
    }
}

const PAIR: &str = "5MaiiCavjCmn9Hs1o3eznqDEhRwxo7pXiAYez7keQUviUkauRiTMD8DrESdrNjN8zd9mTmVhRvBJeg5vhyvgrAhG";

#[test]
fn key_pairs_in_every_spelling_but_signatures_stay() {
    assert_eq!(PAIR.len(), 88);
    hides(&format!("loaded {PAIR}"), PAIR);
    let hex = "0123456789abcdef".repeat(8);
    hides(&format!("keypair 0x{hex}"), &hex);
    let bytes: Vec<String> = (100..164).map(|n: u32| n.to_string()).collect();
    hides(&format!("[{}]", bytes.join(",")), "130,131,132");
    hides(&format!("keypair=[{}", bytes.join(", ")), "130, 131");
    hides("private key 4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318", "4c0883a69102937d");
    for name in ["signature", "tx", "Signature:", "sig=", "txSignature\":\"", "transaction ", "https://solscan.io/tx/"]
    {
        keeps(&format!("{name} {PAIR}"));
    }
    keeps(&format!("slots [{}]", (300_000_000..300_000_040).map(|n: u32| n.to_string()).collect::<Vec<_>>().join(",")));
}

fn pem(kind: &str) -> String {
    let line = "MIIEpAIBAAKCAQEA7bq0m3".repeat(3);
    format!("-----BEGIN {kind}-----\n{line}\n{line}\nabCD==\n-----END {kind}-----")
}

#[test]
fn private_keys_over_many_lines() {
    for kind in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
        let text = format!("before\n{}\nafter", pem(kind));
        assert_eq!(redacted(&text), Redacted { text: "before\n[hidden]\nafter".to_owned(), hidden: 1 }, "{kind}");
    }
    let twice = format!("{}\nbetween\n{}", pem("PRIVATE KEY"), pem("EC PRIVATE KEY"));
    assert_eq!(redact(&twice), "[hidden]\nbetween\n[hidden]");
    assert_eq!(redact(&format!("key=\"{}\" x", pem("PRIVATE KEY").replace('\n', "\\n"))), "key=\"[hidden]\" x");
    let certificate = pem("CERTIFICATE");
    keeps(&certificate);
}

#[test]
fn a_private_key_that_the_tail_cut_at_either_end() {
    let pem = pem("RSA PRIVATE KEY");
    let (head, tail) = pem.split_at(70);
    assert_eq!(redact(&format!("INFO loading\n{head}")), "INFO loading\n[hidden]");
    assert_eq!(
        redact(&format!("INFO starting hermes\n{}\nINFO on", &tail[tail.find('\n').unwrap() + 1..])),
        "INFO starting hermes\n[hidden]\nINFO on"
    );
}

#[test]
fn terminal_codes_and_control_characters_go() {
    assert_eq!(redact("\u{1b}[31mERROR\u{1b}[0m\tdown\r\n\u{7}next"), "ERROR\tdown\nnext");
}

proptest! {
    #[test]
    fn any_text_at_all_is_taken_and_twice_is_once(text in "(.|\n){0,300}") {
        let once = redact(&text);
        prop_assert_eq!(redact(&once), once);
    }

    #[test]
    fn what_mixes_clues_at_random_is_stable(
        parts in prop::collection::vec(prop::sample::select(vec![
            "password", "=", ": ", "token", "Bearer ", "\"", "'", "abcdef123456", "-----BEGIN PRIVATE KEY-----", "\n",
            "-----END PRIVATE KEY-----", "://", "@", "u:", "[", "]", ",", "mnemonic", "authorization", "\\", "[hidden]", " ",
        ]), 0..24),
    ) {
        let once = redact(&parts.concat());
        prop_assert_eq!(redact(&once), once);
    }

    #[test]
    fn a_password_never_comes_through(name in "(DB_|my[-.]|)(password|PASSWORD|secret|api_key|apiKey)", sep in "(=|: |\": \"| = )", value in "[A-Za-z0-9/+]{6,40}9") {
        let text = format!("start {name}{sep}{value} end");
        prop_assert!(!redact(&text).contains(&value));
    }
}
