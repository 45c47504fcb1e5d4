//! Who is to hold which shard. Every replica works it out for itself from the same table of leases; what two of them see a
//! moment apart is settled by the lease, which only one can have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Shard, Sort};

/// What one replica does now to have its share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Held beyond the share.
    pub give: Vec<Shard>,
    /// Free, and missing from the share.
    pub take: Vec<Shard>,
}

/// What `me` gives and takes. `replicas` are those that divide `all` among themselves, `me` one of them; `holders` are the
/// valid leases, also those of replicas that are none of them.
#[must_use]
pub fn change(
    all: &BTreeSet<Shard>,
    replicas: &BTreeSet<String>,
    holders: &BTreeMap<Shard, String>,
    me: &str,
) -> Change {
    let mut change = Change::default();
    let Some(place) = replicas.iter().position(|replica| replica == me) else { return change };
    // Where the next odd one out goes, so that one cluster and one chain are not the same replica's.
    let mut turn = 0;
    for sort in Sort::ALL {
        let of_sort: Vec<&Shard> = all.iter().filter(|shard| shard.sort() == sort).collect();
        let holder = |shard: &Shard| holders.get(shard).map(String::as_str);
        let foreign = of_sort.iter().filter(|shard| holder(shard).is_some_and(|name| !replicas.contains(name)));
        let (shared, among) = (of_sort.len() - foreign.count(), replicas.len());
        let (least, odd) = (shared / among, shared % among);
        let held = |name: &str| of_sort.iter().filter(|shard| holder(shard) == Some(name)).count();
        // Who has one more already keeps it: no shard moves for the sake of order.
        let mut order: Vec<(bool, usize, &String)> = replicas
            .iter()
            .enumerate()
            .map(|(nth, name)| (held(name) <= least, (nth + among - turn % among) % among, name))
            .collect();
        order.sort();
        turn += odd;
        let quota = least + usize::from(order.iter().take(odd).any(|(_, _, name)| *name == me));
        let mine: Vec<&Shard> = of_sort.iter().copied().filter(|shard| holder(shard) == Some(me)).collect();
        change.give.extend(mine.iter().skip(quota).map(|shard| (*shard).clone()));
        let mut free: Vec<&Shard> = of_sort.iter().copied().filter(|shard| holder(shard).is_none()).collect();
        if !free.is_empty() {
            // Each begins elsewhere, so that few want the same one.
            let begin = place * free.len() / among;
            free.rotate_left(begin);
        }
        change.take.extend(free.into_iter().take(quota.saturating_sub(mine.len())).cloned());
    }
    change
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Shards;
    use super::*;

    /// The table of leases, and who is there.
    #[derive(Clone, Debug, Default)]
    struct World {
        all: BTreeSet<Shard>,
        replicas: BTreeSet<String>,
        holders: BTreeMap<Shard, String>,
    }

    impl World {
        fn of(parts: u32, clusters: usize, chains: usize) -> Self {
            let names = |count: usize| (0..count).map(|nth| format!("n{nth}")).collect::<Vec<_>>();
            let all = Shards::new(parts, &names(clusters), &names(chains)).all().clone();
            Self { all, ..Self::default() }
        }

        /// One after the other looks and acts; gives how many shards changed hands.
        fn round(&mut self) -> usize {
            let mut moved = 0;
            for me in self.replicas.clone() {
                let Change { give, take } = change(&self.all, &self.replicas, &self.holders, &me);
                moved += give.len();
                for shard in give {
                    assert_eq!(self.holders.remove(&shard), Some(me.clone()), "it gives what it holds");
                }
                for shard in take {
                    assert_eq!(self.holders.insert(shard, me.clone()), None, "it takes what is free");
                }
            }
            moved
        }

        fn join(&mut self, name: &str) {
            self.replicas.insert(name.to_owned());
        }

        fn leave(&mut self, name: &str) {
            self.replicas.remove(name);
            self.holders.retain(|_, holder| holder != name);
        }

        fn load(&self, name: &str, sort: Sort) -> usize {
            self.holders.iter().filter(|(shard, holder)| shard.sort() == sort && *holder == name).count()
        }

        fn assert_fair(&self) {
            assert_eq!(self.holders.len(), self.all.len(), "everything is watched: {:?}", self.holders);
            for sort in Sort::ALL {
                let loads: Vec<usize> = self.replicas.iter().map(|name| self.load(name, sort)).collect();
                let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
                assert!(most - least <= 1, "{sort:?}: {loads:?}");
            }
        }
    }

    #[test]
    fn one_alone_takes_everything_and_gives_half_to_a_second() {
        let mut world = World::of(8, 2, 0);
        world.join("a");
        assert_eq!(world.round(), 0);
        assert_eq!(world.holders.len(), 10);
        world.join("b");
        assert_eq!(world.round(), 5);
        assert_eq!(world.round(), 0);
        assert_eq!((world.load("a", Sort::Feeds), world.load("b", Sort::Feeds)), (4, 4));
        world.assert_fair();
    }

    #[test]
    fn the_only_cluster_and_the_only_chain_go_to_two_replicas() {
        let mut world = World::of(0, 1, 1);
        world.join("a");
        world.join("b");
        world.round();
        assert_eq!((world.load("a", Sort::Cluster), world.load("b", Sort::Chain)), (1, 1));
    }

    #[test]
    fn who_is_not_among_the_replicas_does_nothing() {
        let world = World::of(4, 1, 0);
        assert_eq!(change(&world.all, &BTreeSet::new(), &BTreeMap::new(), "a"), Change::default());
    }

    #[test]
    fn what_a_replica_of_another_configuration_holds_is_shared_once_it_is_free() {
        let mut world = World::of(0, 4, 0);
        world.join("a");
        world.join("b");
        let cluster = |nth: usize| Shard::Cluster(format!("n{nth}"));
        world.holders.insert(cluster(0), "old".to_owned());
        world.holders.insert(cluster(1), "old".to_owned());
        world.round();
        assert_eq!((world.load("a", Sort::Cluster), world.load("b", Sort::Cluster)), (1, 1));
        world.holders.retain(|_, holder| holder != "old");
        world.round();
        world.assert_fair();
    }

    proptest! {
        /// However replicas come and go, a few rounds later everything is watched and evenly so, nothing moves any more, and
        /// no more has moved than had to.
        #[test]
        fn replicas_come_and_go_and_the_shares_are_fair(
            (parts, clusters, chains) in (0u32..20, 0usize..6, 0usize..6),
            steps in proptest::collection::vec((any::<bool>(), 0u8..6), 1..12),
        ) {
            let mut world = World::of(parts, clusters, chains);
            world.join("r0");
            for (joins, nth) in steps {
                let name = format!("r{nth}");
                if joins { world.join(&name) } else if world.replicas.len() > 1 { world.leave(&name) }
                let before = world.clone();
                // What is beyond the largest fair share has to move, and no more of it than that.
                let must: usize = Sort::ALL.into_iter().map(|sort| {
                    let all = world.all.iter().filter(|shard| shard.sort() == sort).count();
                    let (least, odd) = (all / world.replicas.len(), all % world.replicas.len());
                    let mut over: Vec<usize> =
                        world.replicas.iter().map(|name| before.load(name, sort).saturating_sub(least)).collect();
                    over.sort_unstable_by(|a, b| b.cmp(a));
                    over.iter().take(odd).map(|over| over.saturating_sub(1)).sum::<usize>()
                        + over.iter().skip(odd).sum::<usize>()
                }).sum();
                let moved: usize = (0..3).map(|_| world.round()).sum();
                world.assert_fair();
                prop_assert!(moved <= must, "{moved} of {must} from {before:?}");
                let settled = world.holders.clone();
                prop_assert_eq!((world.round(), &world.holders), (0, &settled), "it has come to rest");
            }
        }

        /// All look at the same moment and act on what they saw: the lease settles who gets what, and it comes to rest all the same.
        #[test]
        fn all_at_once_come_to_rest_too(parts in 0u32..20, clusters in 0usize..6, replicas in 1usize..7) {
            let mut world = World::of(parts, clusters, 1);
            world.join("r0");
            world.round();
            (0..replicas).for_each(|nth| world.join(&format!("r{nth}")));
            for _ in 0..8 {
                let seen = world.clone();
                for me in &seen.replicas {
                    let Change { give, take } = change(&seen.all, &seen.replicas, &seen.holders, me);
                    for shard in &give {
                        world.holders.remove(shard);
                    }
                    for shard in take {
                        world.holders.entry(shard).or_insert_with(|| me.clone());
                    }
                }
            }
            world.assert_fair();
        }
    }
}
