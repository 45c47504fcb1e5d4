//! Forms: an override, and a swap.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::form::{OPTION_TEXT, OPTIONS, input, modal, option, select, text};
use crate::core::ids::UserId;
use crate::core::oncall::Stint;
use crate::core::time::Timestamp;
use crate::slack::message::View;

/// `callback_id` of each form.
pub const OVERRIDE_FORM: &str = "wk.oncall.override_form";
pub const SWAP_FORM: &str = "wk.oncall.swap_form";

/// `block_id` of each field; errors are shown under the field they name.
const SCHEDULE: &str = "schedule";
const WHO: &str = "who";
const FROM: &str = "from";
const TO: &str = "to";
const SHIFT: &str = "shift";
const RETURN: &str = "return";

/// What is taken in return: the colleague's next shift, or nothing.
const NEXT: &str = "next";
const NOTHING: &str = "nothing";

/// What the override form starts with.
#[derive(Clone, Copy, Debug)]
pub struct OverrideForm<'a> {
    /// Never empty.
    pub schedules: &'a [&'a str],
    /// Which of them is chosen; the first when it is none of them.
    pub chosen: &'a str,
    pub user: &'a UserId,
    pub stint: Stint,
}

/// What somebody wants overridden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRequest {
    pub schedule: String,
    pub user: UserId,
    pub stint: Stint,
}

#[must_use]
pub fn override_form(form: &OverrideForm) -> View {
    let options: Vec<Value> = form.schedules.iter().take(OPTIONS).map(|name| option(name, name)).collect();
    let chosen = form.schedules.iter().position(|name| *name == form.chosen).unwrap_or(0);
    let chosen = options.get(chosen).or_else(|| options.first());
    let picker =
        |id: &str, at: Timestamp| json!({"type": "datetimepicker", "action_id": id, "initial_date_time": at.as_secs()});
    let blocks = [
        input(SCHEDULE, "Schedule", "Whose watch changes", &select(SCHEDULE, &options, chosen)),
        input(WHO, "Who takes it", "They are told", &users(WHO, Some(form.user))),
        input(FROM, "From", "In your own time zone", &picker(FROM, form.stint.from)),
        input(TO, "To", "Afterwards the schedule holds again", &picker(TO, form.stint.to)),
    ];
    modal(OVERRIDE_FORM, "Override", "Take over", "", &blocks)
}

/// Reads a submitted form; `field` gives what a field holds by its `block_id`.
///
/// # Errors
/// What is wrong, by `block_id`.
pub fn read_override(
    field: impl Fn(&str) -> Option<String>,
    now: Timestamp,
) -> Result<OverrideRequest, Vec<(&'static str, String)>> {
    let at = |id: &'static str| {
        let secs = field(id).and_then(|text| text.parse::<i64>().ok());
        secs.map(Timestamp::from_secs).ok_or_else(|| (id, "Choose a day and a time.".to_owned()))
    };
    let schedule = field(SCHEDULE).ok_or_else(|| vec![(SCHEDULE, "Choose a schedule.".to_owned())])?;
    let user = field(WHO).ok_or_else(|| vec![(WHO, "Choose somebody.".to_owned())])?;
    match (at(FROM), at(TO)) {
        (Ok(from), Ok(to)) => match misfit(Stint { from, to }, now) {
            Some(why) => Err(vec![(TO, why.to_owned())]),
            None => Ok(OverrideRequest { schedule, user: UserId::new(user), stint: Stint { from, to } }),
        },
        (from, to) => Err([from.err(), to.err()].into_iter().flatten().collect()),
    }
}

/// An override for longer is a slip; the schedule itself should change.
const LONGEST: Duration = Duration::from_hours(60 * 24);

/// Why nobody can be given the watch for `stint`.
#[must_use]
pub fn misfit(stint: Stint, now: Timestamp) -> Option<&'static str> {
    if stint.to <= stint.from {
        Some("Must be after the beginning.")
    } else if stint.to <= now {
        Some("Is over already; choose a later end.")
    } else if stint.to.since(stint.from) > LONGEST {
        Some("An override lasts 60 days at most; change the schedule itself.")
    } else {
        None
    }
}

/// What the swap form starts with.
#[derive(Clone, Copy, Debug)]
pub struct SwapForm<'a> {
    /// The shifts that can be given away, the next first; never empty.
    pub shifts: &'a [SwapOption],
}

/// One shift of whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapOption {
    pub schedule: String,
    pub stint: Stint,
    /// As a person reads it, since menus do not put dates into the reader's zone.
    pub text: String,
}

/// What somebody wants swapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapRequest {
    pub schedule: String,
    pub gives: Stint,
    pub asked: UserId,
    pub takes_next: bool,
}

#[must_use]
pub fn swap_form(form: &SwapForm) -> View {
    let value = |shift: &SwapOption| {
        format!("{} {} {}", shift.schedule, shift.stint.from.as_millis(), shift.stint.to.as_millis())
    };
    let shifts: Vec<Value> = form.shifts.iter().take(OPTIONS).map(|shift| option(&shift.text, &value(shift))).collect();
    let back = [option("Their next shift in the same schedule", NEXT), option("Nothing", NOTHING)];
    let blocks = [
        input(SHIFT, "Your shift", "What you want to give away", &select(SHIFT, &shifts, shifts.first())),
        input(WHO, "Who takes it", "They are asked; nothing changes before they accept", &users(WHO, None)),
        input(RETURN, "What you take in return", "Your colleague sees it", &select(RETURN, &back, back.first())),
    ];
    modal(SWAP_FORM, "Swap a shift", "Ask", "", &blocks)
}

/// As [`read_override`].
///
/// # Errors
/// What is wrong, by `block_id`.
pub fn read_swap(
    field: impl Fn(&str) -> Option<String>,
    asks: &UserId,
) -> Result<SwapRequest, Vec<(&'static str, String)>> {
    let asked = field(WHO).map(UserId::new).ok_or_else(|| vec![(WHO, "Choose somebody.".to_owned())])?;
    if asked == *asks {
        return Err(vec![(WHO, "Choose somebody else.".to_owned())]);
    }
    let shift = field(SHIFT).unwrap_or_default();
    let mut parts = shift.split(' ');
    let schedule = parts.next().unwrap_or_default().to_owned();
    let mut millis = || parts.next()?.parse().ok().map(Timestamp::from_millis);
    let (Some(from), Some(to)) = (millis(), millis()) else {
        return Err(wrong_shift("Choose a shift."));
    };
    let takes_next = field(RETURN).as_deref() == Some(NEXT);
    Ok(SwapRequest { schedule, gives: Stint { from, to }, asked, takes_next })
}

/// Under the field that names the colleague.
#[must_use]
pub fn wrong_colleague(why: &str) -> Vec<(&'static str, String)> {
    vec![(WHO, why.to_owned())]
}

/// Under the field that names the shift.
#[must_use]
pub fn wrong_shift(why: &str) -> Vec<(&'static str, String)> {
    vec![(SHIFT, why.to_owned())]
}

fn users(id: &str, initial: Option<&UserId>) -> Value {
    let mut users =
        json!({"type": "users_select", "action_id": id, "placeholder": text("Choose somebody", OPTION_TEXT)});
    if let Some(user) = initial {
        users["initial_user"] = json!(user.as_str());
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_796_000_000);

    fn given<'a>(fields: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |id| fields.iter().find(|(field, _)| *field == id).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_filled_override_form_is_a_request() {
        let fields = [(SCHEDULE, "primary"), (WHO, "U1"), (FROM, "1796000000"), (TO, "1796003600")];
        let request = read_override(given(&fields), NOW).unwrap();
        assert_eq!((request.schedule.as_str(), request.user.as_str()), ("primary", "U1"));
        let backwards = [(SCHEDULE, "primary"), (WHO, "U1"), (FROM, "1796003600"), (TO, "1796000000")];
        assert_eq!(read_override(given(&backwards), NOW).unwrap_err()[0].0, TO);
        let over = [(SCHEDULE, "primary"), (WHO, "U1"), (FROM, "1795000000"), (TO, "1795003600")];
        assert_eq!(read_override(given(&over), NOW).unwrap_err()[0].1, "Is over already; choose a later end.");
        let long = [(SCHEDULE, "primary"), (WHO, "U1"), (FROM, "1796000000"), (TO, "1801270400")];
        let (field, why) = read_override(given(&long), NOW).unwrap_err().remove(0);
        assert_eq!((field, why.contains("60 days")), (TO, true), "{why}");
        let empty = [(SCHEDULE, "primary"), (WHO, "U1")];
        assert_eq!(read_override(given(&empty), NOW).unwrap_err().len(), 2);
    }

    #[test]
    fn a_filled_swap_form_is_a_request_to_somebody_else() {
        let fields = [(SHIFT, "primary 1796000000000 1796003600000"), (WHO, "U2"), (RETURN, NEXT)];
        let request = read_swap(given(&fields), &UserId::new("U1")).unwrap();
        assert_eq!(request.gives.from, NOW);
        assert!(request.takes_next);
        assert_eq!(read_swap(given(&fields), &UserId::new("U2")).unwrap_err()[0].0, WHO);
        assert_eq!(read_swap(given(&[(WHO, "U2"), (SHIFT, "x")]), &UserId::new("U1")).unwrap_err()[0].0, SHIFT);
    }
}
