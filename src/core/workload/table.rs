//! All objects of one kind, by namespace and name, and which listing each was last part of.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::names::Names;
use super::object::{Kept, Name};
use crate::core::time::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    /// Boxed: nodes of a tree are half empty, and objects are large.
    spaces: BTreeMap<Name, BTreeMap<Name, Box<Entry<T>>>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    object: T,
    /// The listing that was under way or over when it last came.
    listing: u32,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { spaces: BTreeMap::new(), len: 0 }
    }
}

impl<T: Kept> Table<T> {
    pub fn put(&mut self, mut object: T, listing: u32, names: &mut Names, now: Timestamp) {
        names.share_meta(object.meta_mut());
        object.intern(names);
        let meta = object.meta();
        let (namespace, name) = (Name::clone(&meta.namespace), Name::clone(&meta.name));
        let space = self.spaces.entry(namespace).or_default();
        if let Some(entry) = space.get_mut(&name) {
            object.carry(&entry.object, now);
            **entry = Entry { object, listing };
        } else {
            space.insert(name, Box::new(Entry { object, listing }));
            self.len += 1;
        }
    }

    pub fn remove(&mut self, namespace: &str, name: &str) -> Option<T> {
        let space = self.spaces.get_mut(namespace)?;
        let entry = space.remove(name)?;
        if space.is_empty() {
            self.spaces.remove(namespace);
        }
        self.len -= 1;
        Some(entry.object)
    }

    /// Removes what `listing` did not bring, in one namespace or in all; gives their names.
    pub fn sweep(&mut self, namespace: Option<&str>, listing: u32) -> Vec<(Name, Name)> {
        let mut gone = Vec::new();
        self.spaces.retain(|space, objects| {
            if namespace.is_none_or(|namespace| namespace == &**space) {
                objects.retain(|name, entry| {
                    let stays = entry.listing == listing;
                    if !stays {
                        gone.push((Name::clone(space), Name::clone(name)));
                    }
                    stays
                });
            }
            !objects.is_empty()
        });
        self.len -= gone.len();
        gone
    }

    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        Some(&self.spaces.get(namespace)?.get(name)?.object)
    }

    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = &T> {
        self.spaces.get(namespace).into_iter().flatten().map(|(_, entry)| &entry.object)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.spaces.values().flatten().map(|(_, entry)| &entry.object)
    }

    pub const fn len(&self) -> usize {
        self.len
    }
}

impl<T: Kept + Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Kept + Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (mut table, mut names) = (Self::default(), Names::default());
        for object in Vec::deserialize(deserializer)? {
            table.put(object, 0, &mut names, Timestamp::default());
        }
        Ok(table)
    }
}
