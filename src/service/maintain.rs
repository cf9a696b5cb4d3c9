//! What time asks for: dialling friends again, renewing records, releasing what was held back, closing what is over.
//!
//! Every wait is a value in one table; nothing is polled. A friend who cannot be reached is tried again after 1, 2, 4 …
//! seconds, at most every ten minutes, at once when a new address of theirs is learnt. Waits of a minute and more end
//! together with the look at slow things: a telephone wakes up once for all of them.
//!
//! Source: docs/protocol.md 3.2 (renewal), 3.10 (held back), 3.16 (finding each other).

use std::collections::BTreeMap;

use super::befriend::{Redemptions, is_open};
use super::held::Held;
use super::sessions::Purpose;
use super::state::Numbers;
use super::{RESERVED_KEY, Service};
use crate::id::UserId;
use crate::identity::{DeviceFlags, next_seq};
use crate::limits::{
    ADDRESS_LIMIT, CLOCK_LEAP_DAYS, DEVICE_RECORD_RENEW_DAYS, DIAL_AWAY_LIMIT_MS, DIAL_BACKOFF_LIMIT_MS,
    DIAL_BACKOFF_MIN_MS, MAINTAIN_INTERVAL_MS,
};
use crate::link::{Address, DialId, Order, StreamId};
use crate::store::{Reservations, StartVerdict, StoreError, Tree};
use crate::time::{DAY_MS, Timestamp};

/// Everything that waits for a time.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// When a friend is dialled next, and how often it was in vain.
    dials: BTreeMap<UserId, (Timestamp, u32)>,
    /// When a pending pair is come back to.
    settlements: BTreeMap<UserId, (Timestamp, u32)>,
    /// Invites being redeemed.
    pub(super) redemptions: Redemptions,
    /// What a pair stream of ours was opened for.
    pub(super) pairing: BTreeMap<StreamId, Purpose>,
    /// Entries from the future.
    pub(super) held: Held,
    /// The clock is in doubt until then.
    doubt_until: Option<Timestamp>,
    /// The next look at everything slow.
    pub(super) slow: Option<Timestamp>,
    /// Everything slow was looked at once in this run.
    is_settled: bool,
}

impl Timers {
    /// When a friend is dialled next, and no more often from then on than who was dialled in vain for long.
    pub(super) fn dial_rarely(&mut self, user: &UserId, at: Timestamp) {
        self.dials.insert(*user, (at, DIALS_RARE));
    }

    pub(super) fn settle_soon(&mut self, user: UserId, now: Timestamp) {
        self.settlements.insert(user, (now, 0));
    }

    /// Whether it is time to come back to somebody; if so, the next time is set.
    pub(super) fn settlement_due(&mut self, user: UserId, now: Timestamp) -> bool {
        let (at, tries) = *self.settlements.entry(user).or_insert((now, 0));
        if at > now {
            return false;
        }
        let tries = tries.saturating_add(1);
        self.settlements.insert(user, (now.plus_ms(backoff_ms(tries)), tries));
        true
    }
}

/// After so many dials in vain one goes without an expected node key (docs/protocol.md 3.7, Resume).
const RESUME_EVERY: u32 = 5;

/// As if so many dials had been in vain: the longest wait from the next on. The next is no Resume.
const DIALS_RARE: u32 = 2 * RESUME_EVERY;

/// How long to wait after so many attempts in vain, ms.
pub(super) fn backoff_ms(tries: u32) -> u64 {
    doubled(tries).min(DIAL_BACKOFF_LIMIT_MS)
}

/// How long to wait before a friend who is away is dialled again after so many dials in vain, ms.
fn away_ms(tries: u32) -> u64 {
    doubled(tries).min(DIAL_AWAY_LIMIT_MS)
}

fn doubled(tries: u32) -> u64 {
    DIAL_BACKOFF_MIN_MS.saturating_mul(1 << tries.saturating_sub(1).min(20))
}

/// The end of a wait; a long one is made longer, until a look at slow things is due anyway.
fn together(now: Timestamp, wait_ms: u64, slow: Option<Timestamp>) -> Timestamp {
    let at = now.plus_ms(wait_ms);
    let Some(slow) = slow.filter(|slow| wait_ms >= MAINTAIN_INTERVAL_MS && *slow < at) else { return at };
    slow.plus_ms(at.since(slow).next_multiple_of(MAINTAIN_INTERVAL_MS))
}

impl Service {
    /// What a start begins with: who is let in, who is dialled, what is still wanted.
    pub(super) fn begin(&mut self, beside: Option<&Reservations>) -> Result<(), StoreError> {
        self.begin_blocks(beside)?;
        self.admit();
        self.load_index()?;
        self.load_marks()?;
        self.load_wants()?;
        self.remove_dropped();
        self.load_quota();
        self.load_held()?;
        let friends: Vec<UserId> = self.state.friends.keys().copied().collect();
        for user in friends {
            self.timers.dials.insert(user, (self.now, 0));
        }
        self.load_mail()?;
        self.load_readers()?;
        self.load_recalls()?;
        self.open_introductions();
        self.tag_old_rows()?;
        self.load_hides()?;
        self.load_notices()?;
        Ok(())
    }

    /// Every start begins a new block of numbers: those that the last start reserved may have been used. If the store
    /// knows less than what was written down beside it, it is an older one.
    fn begin_blocks(&mut self, beside: Option<&Reservations>) -> Result<(), StoreError> {
        let kept: Reservations = self.tx.record(Tree::Meta, RESERVED_KEY)?.unwrap_or_default();
        let (reservations, verdict) = Reservations::start(&kept, beside);
        self.reservations = reservations;
        for epoch in self.state.epochs.values_mut() {
            let end = self.reservations.end(&epoch.id);
            if let Some(own) = &mut epoch.own {
                own.numbers = Numbers { reserved: end, next: end, ..Numbers::default() };
            }
        }
        self.is_reserving = true;
        if let StartVerdict::Rollback { epochs } = verdict {
            tracing::warn!(
                epochs = epochs.len(),
                "this store is older than its file of reserved numbers: every open epoch is retired"
            );
            self.retire_all();
        }
        Ok(())
    }

    /// The time of [`Service::next_wakeup`] has come.
    pub(super) fn on_wake(&mut self) -> Result<(), StoreError> {
        self.reopen_due();
        self.wake_sessions()?;
        self.expire_pairing();
        self.dial_due();
        self.dial_redemptions();
        self.dial_settlements();
        self.release_held()?;
        self.fill_index()?;
        self.ask_again();
        if self.timers.slow.is_none_or(|at| at <= self.now) {
            self.timers.slow = Some(self.now.plus_ms(MAINTAIN_INTERVAL_MS));
            // Invites end with time alone.
            self.net.is_pairing_known = false;
            self.maintain()?;
        }
        Ok(())
    }

    /// When [`Service::wake`] must be called at the latest.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let settlements = self
            .timers
            .settlements
            .iter()
            .filter(|(user, _)| self.state.pending.get(user).is_some_and(is_open))
            .map(|(_, (at, _))| *at);
        let redemptions = self.timers.redemptions.iter();
        let redemptions = redemptions
            .filter(|(user, _)| !self.state.pending.contains_key(user))
            .filter_map(|(_, underway)| underway.due());
        [
            self.net_wakeup(),
            self.wants_wakeup(),
            self.index_wakeup(),
            self.bodies_wakeup(),
            self.dial_wakeup(),
            settlements.min(),
            redemptions.min(),
            self.timers.held.soonest(),
            Some(self.timers.slow.unwrap_or(self.now)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When the next friend who is not here is dialled.
    fn dial_wakeup(&self) -> Option<Timestamp> {
        let mut soonest = None;
        for (user, (at, _)) in &self.timers.dials {
            if soonest.is_none_or(|soonest| *at < soonest) && !self.net.is_here(user) {
                soonest = Some(*at);
            }
        }
        soonest
    }

    /// The slow things: records, invites, epochs that are too old, what is owed.
    fn maintain(&mut self) -> Result<(), StoreError> {
        let today = self.now.day();
        let dead = self.state.invites.drop_dead(self.now);
        for invite in dead {
            self.remove_state(b'i', invite.as_bytes());
        }
        let is_ageing = self.is_ageing();
        let expired: Vec<UserId> = self
            .state
            .pending
            .iter()
            .filter(|(_, pair)| is_ageing && pair.pending.is_expired(self.now))
            .map(|(user, _)| *user)
            .collect();
        for user in expired {
            self.state.pending.remove(&user);
            self.remove_state(b'p', user.as_bytes());
            self.forget_shown(&user)?;
        }
        if is_ageing {
            // Not in the first minute of a run: the first page comes before what nobody waits for.
            if self.timers.is_settled {
                self.drop_expired()?;
            }
            self.expire_introductions();
            self.drop_old_attempts();
            self.mint_ahead();
        }
        self.open_introductions();
        if today.since(self.state.me.device_day) >= DEVICE_RECORD_RENEW_DAYS {
            self.renew_device()?;
        }
        self.take_turns()?;
        self.reopen_idle();
        self.settle_threads()?;
        self.match_late()?;
        self.load_held()?;
        self.forget_dropped()?;
        self.maintain_mail()?;
        self.timers.is_settled = true;
        Ok(())
    }

    /// Whether things grow old: not for a day after the clock has leapt by more than a week, lest a wrong clock empties
    /// the house (docs/protocol.md 3.10).
    pub(super) fn is_ageing(&mut self) -> bool {
        let (today, last) = (self.now.day(), self.state.me.last_day);
        if today.since(last).max(last.since(today)) > CLOCK_LEAP_DAYS {
            tracing::warn!(
                last = last.0,
                today = today.0,
                "the clock has leapt: nothing is purged for a day"
            );
            self.timers.doubt_until = Some(self.now.plus_ms(DAY_MS));
        }
        if today != last {
            self.state.me.last_day = today;
            self.save_me();
        }
        // A clock that leaps back ends the doubt about the leap forward.
        let doubt = self.timers.doubt_until.filter(|until| *until > self.now);
        doubt.is_none_or(|until| until.since(self.now) > DAY_MS)
    }

    /// The addresses we listen on changed.
    pub(super) fn on_listening(&mut self, addresses: Vec<Address>) -> Result<(), StoreError> {
        self.net.listening = addresses;
        let far: Vec<Address> =
            self.net.listening.iter().filter(|address| !address.is_loopback()).cloned().collect();
        let mut told = if far.is_empty() { self.net.listening.clone() } else { far };
        told.truncate(ADDRESS_LIMIT);
        if told != self.state.me.addresses {
            self.state.me.addresses = told;
            self.renew_device()?;
        }
        self.dial_due();
        self.dial_redemptions();
        Ok(())
    }

    /// The addresses this node listens on, best first.
    pub fn listening(&self) -> Vec<Address> {
        self.net.listening.clone()
    }

    /// Signs a new DeviceRecord and tells friends.
    fn renew_device(&mut self) -> Result<(), StoreError> {
        let today = self.now.day();
        let last = crate::identity::DeviceRecord::open(&self.state.me.device).ok().map(|record| record.seq());
        let flags = DeviceFlags::new(false, true);
        let addresses = self.state.me.addresses.clone();
        let record =
            self.keyring.device_record(next_seq(last, self.now), today, flags, addresses, Vec::new());
        self.state.me.device = record.as_bytes().to_vec();
        self.state.me.device_day = today;
        self.save_me();
        self.barrier_before_output = true;
        if let Err(error) = self.publish_device() {
            tracing::error!(%error, "friends were not told the new addresses");
        }
        Ok(())
    }

    /// Dials the friends whose time has come.
    fn dial_due(&mut self) {
        let now = self.now;
        let due: Vec<UserId> = self
            .timers
            .dials
            .iter()
            .filter(|(user, (at, _))| *at <= now && self.online(user).is_none())
            .map(|(user, _)| *user)
            .collect();
        let slow = self.timers.slow;
        for user in due {
            if let Some((at, tries)) = self.timers.dials.get_mut(&user) {
                *tries = tries.saturating_add(1);
                *at = together(now, away_ms(*tries), slow);
            }
            self.dial(&user);
        }
    }

    fn dial(&mut self, user: &UserId) {
        let Some(friend) = self.state.friends.get(user) else {
            self.timers.dials.remove(user);
            return;
        };
        let ours = [Purpose::Friend(*user), Purpose::Resume(*user)];
        let under_way = self.net.dials.values().any(|purpose| ours.contains(purpose));
        if under_way {
            return;
        }
        let mut dials = Vec::new();
        for record in friend.live_devices() {
            if self.net.conns.values().any(|conn| conn.node == record.node()) {
                continue;
            }
            let mut addresses: Vec<Address> = record.addresses().to_vec();
            if let Some(last) = friend.last_address.clone().filter(|last| !addresses.contains(last)) {
                addresses.push(last);
            }
            if !addresses.is_empty() {
                dials.push((record.node(), addresses));
            }
        }
        let tries = self.timers.dials.get(user).map_or(0, |(_, tries)| *tries);
        for (node, addresses) in dials {
            // In vain for a while: the key behind the address may have changed while we were apart.
            let (purpose, node) = if tries > 0 && tries.is_multiple_of(RESUME_EVERY) {
                (Purpose::Resume(*user), None)
            } else {
                (Purpose::Friend(*user), Some(node))
            };
            let attempt = self.net.dial_id(purpose);
            self.order(Order::Dial { attempt, node, addresses });
        }
    }

    /// A dial came to nothing.
    pub(super) fn on_dial_failed(&mut self, attempt: DialId, reason: &str) {
        let Some(purpose) = self.net.dials.remove(&attempt) else { return };
        tracing::debug!(?purpose, reason, "dial failed");
    }

    /// An address of a friend is new: no waiting.
    pub(super) fn dial_soon(&mut self, user: &UserId) {
        self.timers.dials.insert(*user, (self.now, 0));
    }

    /// A friend went: try again soon, and ever more slowly.
    pub(super) fn dial_later(&mut self, user: &UserId) {
        self.timers.dials.insert(*user, (self.now.plus_ms(DIAL_BACKOFF_MIN_MS), 1));
    }

    /// A friend is here.
    pub(super) fn dialled_well(&mut self, user: &UserId) {
        self.timers.dials.insert(*user, (self.now.plus_ms(DIAL_AWAY_LIMIT_MS), 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_and_stops_growing() {
        assert_eq!(backoff_ms(1), DIAL_BACKOFF_MIN_MS);
        assert_eq!(backoff_ms(2), 2 * DIAL_BACKOFF_MIN_MS);
        assert_eq!(backoff_ms(30), DIAL_BACKOFF_LIMIT_MS);
        assert_eq!(backoff_ms(u32::MAX), DIAL_BACKOFF_LIMIT_MS);
        assert_eq!([1, 2, 3].map(away_ms), [1, 2, 4].map(|times| times * DIAL_BACKOFF_MIN_MS));
        assert_eq!([30, u32::MAX].map(away_ms), [DIAL_AWAY_LIMIT_MS; 2]);
    }

    #[test]
    fn long_waits_end_together_and_short_ones_when_they_should() {
        let at = |ms: u64| Timestamp::from_millis(1_000_000 + ms);
        let slow = Some(at(20_000));
        for (wait, end) in
            [(16_000, 16_000), (59_999, 59_999), (60_000, 80_000), (64_000, 80_000), (600_000, 620_000)]
        {
            assert_eq!(together(at(0), wait, slow), at(end), "{wait}");
        }
        assert_eq!(together(at(0), 600_000, None), at(600_000));
        assert_eq!(together(at(0), 60_000, Some(at(60_000))), at(60_000));
    }
}
