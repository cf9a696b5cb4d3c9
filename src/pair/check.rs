//! What every machine of the protocol checks: frames one by one, and that records belong to who is there.

use zeroize::Zeroizing;

use super::{Fault, Frame, Known, Records};
use crate::crypto::keys::{self, PairTranscript, Role};
use crate::crypto::{InviteSecret, PairKey, SealSecret};
use crate::id::{NodeId, UserId};
use crate::identity::{
    DeviceKind, DeviceRecord, IdentityRecord, KnownIdentity, Outcome, Verified, live_device,
};
use crate::limits::{PAIR_FRAME_COUNT_LIMIT, PAIR_STEP_TIMEOUT_MS};
use crate::time::Timestamp;

/// Counts the frames of a stream and remembers when it last got further.
#[derive(Debug)]
pub(super) struct Gate {
    frames: u32,
    step_at: Timestamp,
}

impl Gate {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { frames: 0, step_at: now }
    }

    /// Reads a frame; none if it is to be ignored.
    pub(super) fn admit(&mut self, bytes: &[u8], now: Timestamp) -> Result<Option<Frame>, Fault> {
        self.frames = self.frames.saturating_add(1);
        if self.frames > PAIR_FRAME_COUNT_LIMIT {
            return Err(Fault::Flood);
        }
        let frame = Frame::decode(bytes)?;
        if frame.is_some() {
            self.step_at = now;
        }
        Ok(frame)
    }

    /// When a stream that gets no further is to be closed.
    pub(super) const fn deadline(&self) -> Timestamp {
        self.step_at.plus_ms(PAIR_STEP_TIMEOUT_MS)
    }
}

/// A side whose records were checked.
#[derive(Debug)]
pub(super) struct Them {
    /// The newest known, perhaps newer than the one shown.
    pub(super) identity: Verified<IdentityRecord>,
    pub(super) device: Verified<DeviceRecord>,
}

impl Them {
    pub(super) fn root(&self) -> UserId {
        self.identity.user()
    }
}

/// Checks that records are signed, belong together, and are those of a live device of a person at `node`.
pub(super) fn check_records(records: Records, node: NodeId, known: Known<'_>) -> Result<Them, Fault> {
    let Records { identity, device } = records;
    if identity.user() != device.user() {
        return Err(Fault::OtherRoot);
    }
    if device.node() != node {
        return Err(Fault::OtherNode);
    }
    let identity = identity.verify().map_err(|_| Fault::Unsigned)?;
    let device = device.verify().map_err(|_| Fault::Unsigned)?;
    let known = match known(&identity.user()) {
        None => KnownIdentity::new(identity),
        Some(mut known) => match known.take(identity) {
            Outcome::Taken { .. } | Outcome::Same | Outcome::Older => known,
            Outcome::RootUsedTwice => return Err(Fault::RootUsedTwice),
            Outcome::OtherPerson => return Err(Fault::OtherRoot),
        },
    };
    // A blind home node holds no pair keys: it neither pairs nor resumes.
    let is_person =
        known.newest().device(&device.device()).is_some_and(|listed| listed.kind == DeviceKind::Person);
    if !is_person || !live_device(&known, &device) {
        return Err(Fault::NotLive);
    }
    Ok(Them { identity: known.newest().clone(), device })
}

/// The pair key of a finished transcript, in which our seal key is that of `role`.
pub(super) fn agree(
    secret: &InviteSecret,
    ours: &SealSecret,
    role: Role,
    transcript: &PairTranscript,
) -> Result<PairKey, Fault> {
    let their = match role {
        Role::Initiator => &transcript.seal_r,
        Role::Responder => &transcript.seal_i,
    };
    let shared = Zeroizing::new(ours.agree(their).map_err(|_| Fault::WeakKey)?);
    Ok(keys::pair_key(secret, &shared, transcript))
}

/// What the safety words of a transcript are made of.
pub(super) fn safety(transcript: &PairTranscript) -> [u8; 32] {
    let session = &transcript.session;
    keys::safety(&session.nonce_i, &session.nonce_r, &transcript.root_i, &transcript.root_r)
}
