//! The state of a node, for a person: who is here, what waits for whom, what it takes.

use super::Service;
use crate::error::Result as Said;
use crate::id::UserId;
use crate::limits::WAITING_LOOK_LIMIT;
use crate::store::StoreError;
use crate::view;

impl Service {
    /// The node's state, for a person.
    ///
    /// # Errors
    /// Failed if the store cannot be read.
    pub fn status(&mut self) -> Said<view::Status> {
        let peers = self
            .net
            .conns
            .values()
            .filter_map(|conn| Some((conn.friend?.0, conn.path, conn.since)))
            .map(|(user, path, since)| view::Peer { friend: self.person(&user), path, since })
            .collect();
        let stats = self.tx.store().stats()?;
        let disk = view::Disk {
            store_bytes: stats.disk_bytes,
            blob_bytes: 0,
            free_bytes: stats.free_bytes.unwrap_or(0),
            friends: self.bytes_of_friends(),
        };
        let mut waiting = Vec::new();
        for friend in self.state.friends.values() {
            let wanted = self.wanted(&friend.user);
            let parcels = friend
                .live_devices()
                .map(|record| {
                    let owed = self.mail.owed.get(&record.device());
                    wanted.iter().filter(|wanted| !owed.is_some_and(|owed| owed.has(&wanted.id))).count()
                })
                .max()
                .unwrap_or(0);
            let moments = self.moments_waiting_for(&friend.user)?;
            if parcels > 0 || moments > 0 {
                waiting.push(view::Waiting { friend: self.person(&friend.user), parcels, moments });
            }
        }
        Ok(view::Status { listen: Vec::new(), peers, waiting, disk })
    }

    fn bytes_of_friends(&self) -> Vec<view::FriendBytes> {
        let friends = self.state.friends.keys();
        let mut friends: Vec<_> = friends
            .map(|user| view::FriendBytes { friend: self.person(user), bytes: self.quota.kept_of(user) })
            .collect();
        friends.sort_by(|one, other| other.bytes.cmp(&one.bytes).then(one.friend.cmp(&other.friend)));
        friends
    }

    /// Of my newest moments, those somebody may read and has not announced.
    pub(super) fn moments_waiting_for(&self, user: &UserId) -> Result<usize, StoreError> {
        let mut waiting = 0usize;
        for id in self.newest_own(WAITING_LOOK_LIMIT)? {
            if self.is_reader(user, &id)? && !self.holders(&id)?.contains(user) {
                waiting = waiting.saturating_add(1);
            }
        }
        Ok(waiting)
    }
}
