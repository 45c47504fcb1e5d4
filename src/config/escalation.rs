//! Names in `escalation` that lead nowhere.

use super::Config;
use super::shape::nearest;

pub(super) fn check(config: &Config, say: &mut impl FnMut(&str, String)) {
    for problem in config.escalation.validate() {
        say(&format!("escalation.{}", problem.key), problem.message);
    }
    let known: Vec<&str> = config.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
    for (index, rule) in config.escalation.rules.iter().enumerate() {
        for (nth, receiver) in rule.receivers.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())) {
            let fix = match nearest(receiver, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            let key = format!("escalation.rules[{index}].receivers[{nth}]");
            say(&key, format!("no receiver is named `{receiver}`; {fix}"));
        }
    }
}
