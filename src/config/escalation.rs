//! Names in `escalation` that lead nowhere.

use super::Config;
use super::shape::nearest;
use crate::core::escalation::Target;

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
    let schedules: Vec<&str> = config.oncall.schedules.iter().map(|schedule| schedule.name.as_str()).collect();
    for (index, policy) in config.escalation.policies.iter().enumerate() {
        for (nth, step) in policy.steps.iter().enumerate() {
            for (which, target) in step.targets.iter().enumerate() {
                let Target::Schedule(name) = target else { continue };
                if schedules.contains(&name.as_str()) {
                    continue;
                }
                let fix = match nearest(name, &schedules) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "add it to `oncall.schedules`".to_owned(),
                };
                let key = format!("escalation.policies[{index}].steps[{nth}].targets[{which}]");
                say(&key, format!("no schedule is named `{name}`; {fix}"));
            }
        }
    }
}
