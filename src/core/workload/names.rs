//! Texts that many objects share, kept once.

use std::collections::HashSet;
use std::sync::Arc;

use super::object::{Image, Meta, Name};

#[derive(Clone, Debug, Default)]
pub struct Names {
    known: HashSet<Name>,
    specs: HashSet<Arc<Image>>,
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

    /// A container's name and image come in the same pairs over and over.
    pub fn share_spec(&mut self, spec: &mut Arc<Image>) {
        if let Some(shared) = self.specs.get(spec) {
            *spec = Arc::clone(shared);
            return;
        }
        self.share_images(std::slice::from_mut(Arc::make_mut(spec)));
        self.specs.insert(Arc::clone(spec));
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
        self.specs.retain(|spec| Arc::strong_count(spec) > 1);
        self.known.retain(|name| Name::strong_count(name) > 1);
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.known.len() + self.specs.len()
    }
}
