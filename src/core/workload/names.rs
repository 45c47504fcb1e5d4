//! Texts that many objects share, kept once.

use std::collections::HashSet;

use super::object::{Image, Meta, Name};

#[derive(Clone, Debug, Default)]
pub struct Names {
    known: HashSet<Name>,
}

impl Names {
    /// Puts the shared text in the place of an equal one.
    pub fn share(&mut self, name: &mut Name) {
        match self.known.get(name) {
            Some(shared) => *name = Name::clone(shared),
            None => {
                self.known.insert(Name::clone(name));
            }
        }
    }

    pub fn share_some(&mut self, name: &mut Option<Name>) {
        if let Some(name) = name {
            self.share(name);
        }
    }

    pub fn share_images(&mut self, images: &mut [Image]) {
        for Image { container, image } in images {
            self.share(container);
            self.share(image);
        }
    }

    pub(super) fn share_meta(&mut self, meta: &mut Meta) {
        self.share(&mut meta.namespace);
        self.share_some(&mut meta.owner);
        if let Some(controller) = &mut meta.controller {
            self.share(&mut controller.kind);
            self.share(&mut controller.name);
        }
        if let Some(touched) = &mut meta.touched {
            self.share(&mut touched.by);
        }
    }

    /// Lets go of what no object uses any more.
    pub fn prune(&mut self) {
        self.known.retain(|name| Name::strong_count(name) > 1);
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.known.len()
    }
}
