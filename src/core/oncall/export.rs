//! Somebody's shifts as a calendar (RFC 5545), to subscribe to.

use std::fmt::Write;

use super::Shift;
use crate::core::time::Timestamp;

/// A line may be this long in octets, then it is folded.
const LINE: usize = 75;

/// The calendar of `shifts`, each with the name of its schedule.
#[must_use]
pub fn calendar(name: &str, shifts: &[(String, Shift)], now: Timestamp) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//watchkeeper//on call//EN".to_owned(),
        format!("X-WR-CALNAME:{}", escaped(name)),
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M".to_owned(),
    ];
    for (schedule, shift) in shifts {
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            // The same shift keeps its id, so that an application does not show it twice.
            format!("UID:{}-{}@watchkeeper", escaped(schedule), shift.from.as_secs()),
            format!("DTSTAMP:{}", utc(now)),
            format!("DTSTART:{}", utc(shift.from)),
            format!("DTEND:{}", utc(shift.to)),
            format!("SUMMARY:On call: {}", escaped(schedule)),
            "TRANSP:TRANSPARENT".to_owned(),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = write!(text, "{}\r\n", folded(line));
        text
    })
}

/// `20261129T080416Z`
fn utc(at: Timestamp) -> String {
    let digits: String = at.to_string().chars().filter(|c| c.is_ascii_digit() || *c == 'T').take(15).collect();
    format!("{digits}Z")
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    text.replace(['\r', '\n'], "\\n")
}

fn folded(line: &str) -> String {
    let mut folded = String::new();
    let mut octets = 0;
    for c in line.chars() {
        if octets + c.len_utf8() > LINE {
            folded.push_str("\r\n ");
            octets = 1;
        }
        folded.push(c);
        octets += c.len_utf8();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;
    use crate::core::ids::UserId;

    #[test]
    fn a_shift_is_an_event_in_utc() {
        let from = Timestamp::from_secs(1_796_000_000);
        let to = Timestamp::from_secs(1_796_003_600);
        let shift = Shift { people: vec![UserId::new("U1")], origin: Origin::Layer(0), from, to };
        let text = calendar("Ann; Lee", &[("primary".to_owned(), shift)], from);
        for line in [
            "X-WR-CALNAME:Ann\\; Lee\r\n",
            "DTSTART:20261130T005320Z\r\n",
            "DTEND:20261130T015320Z\r\n",
            "SUMMARY:On call: primary\r\n",
            "UID:primary-1796000000@watchkeeper\r\n",
        ] {
            assert!(text.contains(line), "{line:?} is missing in {text}");
        }
    }

    #[test]
    fn a_long_line_is_folded_between_characters() {
        let text = calendar(&"ż".repeat(100), &[], Timestamp::from_secs(0));
        assert!(text.lines().all(|line| line.len() <= LINE), "{text}");
        assert_eq!(text.replace("\r\n ", "").matches('ż').count(), 100);
    }
}
