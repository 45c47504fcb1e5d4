//! A list that is longer than a message: one page of it, and the buttons to the others.

use slack_morphism::prelude::SlackActionBlockElement;

use super::kit;

/// One page of `rows`.
pub(super) struct Page<'a, T> {
    pub shown: &'a [T],
    number: usize,
    pages: usize,
}

impl<'a, T> Page<'a, T> {
    /// `number` counts from 1; one past the end is the last page.
    pub fn of(rows: &'a [T], each: usize, number: u32) -> Self {
        let pages = rows.len().div_ceil(each).max(1);
        let number = usize::try_from(number).unwrap_or(usize::MAX).clamp(1, pages);
        Self { shown: rows.chunks(each).nth(number - 1).unwrap_or_default(), number, pages }
    }

    /// Buttons to the pages before and after this one; each runs `command` with the filter and its page. Their numbers in
    /// the row are 0 and 1.
    pub fn turns(&self, command: &str, filter: Option<&str>) -> Vec<SlackActionBlockElement> {
        let filter = filter.map_or_else(String::new, |filter| format!("{filter} "));
        let turn = |text: &str, page: usize, nth| {
            kit::run(text, format!("{command} {filter}page {page}")).map(|button| kit::nth(button, nth).into())
        };
        let mut buttons = Vec::new();
        if self.number > 1 {
            buttons.extend(turn("‹ Previous", self.number - 1, 0));
        }
        if self.number < self.pages {
            buttons.extend(turn("Next ›", self.number + 1, 1));
        }
        buttons
    }

    /// `page 2 of 5`; nothing when this is all.
    pub fn place(&self) -> Option<String> {
        (self.pages > 1).then(|| format!("page {} of {}", self.number, self.pages))
    }
}
