//! Invites as links.

use super::*;

fn invite() -> Invite {
    let address = |byte| Address::from_bytes(&[byte; 8]).expect("short");
    Invite {
        root: UserId::from_bytes([1; 32]),
        node: NodeId::from_bytes([2; 32]),
        addresses: vec![address(4), address(6)],
        secret: InviteSecret::from_bytes([0xab; 32]),
        expires: Timestamp::from_millis(1_771_200_000_000),
    }
}

#[test]
fn an_invite_survives_being_a_link() {
    let link = invite().expose_link();
    assert!(link.starts_with("tidings:invite/1/"));
    assert_eq!(link.len(), 187, "short enough for a QR code");
    assert_eq!(Invite::parse(&link), Ok(invite()));
    assert_eq!(Invite::parse(&format!(" {link}\n")), Ok(invite()));
    assert_eq!(invite().id(), keys::invite_id(&InviteSecret::from_bytes([0xab; 32])));
    assert!(!invite().is_expired(Timestamp::from_millis(1_771_199_999_999)));
    assert!(invite().is_expired(Timestamp::from_millis(1_771_200_000_000)));
}

#[test]
fn a_text_that_is_no_invite_says_which_way() {
    let link = invite().expose_link();
    let body = link.strip_prefix("tidings:invite/1/").expect("prefix");
    for text in ["", "https://example.org/", "tidings:", "tidings:channel/1/AAAA", body] {
        assert_eq!(Invite::parse(text), Err(InviteError::NotALink), "{text}");
    }
    for (version, number) in [("2", 2), ("17", 17), ("4294967295", u32::MAX)] {
        let newer = format!("tidings:invite/{version}/{body}");
        assert_eq!(Invite::parse(&newer), Err(InviteError::Newer { version: number }));
    }
    for version in ["0", "01", "+1", "+2", "-1", "", " 1", "x", "99999999999999999999"] {
        let text = format!("tidings:invite/{version}/{body}");
        assert_eq!(Invite::parse(&text), Err(InviteError::Damaged), "{version}");
    }
    for text in ["tidings:invite/", "tidings:invite/1", "tidings:invite/1/", "tidings:invite/1/AAAA"] {
        assert_eq!(Invite::parse(text), Err(InviteError::Damaged), "{text}");
    }
    let huge = format!("tidings:invite/1/{}", "A".repeat(10_000_000));
    assert_eq!(Invite::parse(&huge), Err(InviteError::Damaged));
}

#[test]
fn a_link_with_any_character_changed_lost_or_added_is_refused() {
    let link = invite().expose_link();
    for at in 0..link.len() {
        let with = |new: &str| format!("{}{new}{}", &link[..at], &link[at + 1..]);
        assert!(Invite::parse(&with("")).is_err(), "lost at {at}");
        for new in ["A", "_", "=", "%"] {
            if &link[at..=at] != new {
                assert!(Invite::parse(&with(new)).is_err(), "{new} at {at}");
            }
        }
        assert!(Invite::parse(&format!("{}A{}", &link[..at], &link[at..])).is_err(), "added at {at}");
    }
    assert!(Invite::parse(&format!("{link}A")).is_err());
}

/// A link whose checksum is right, so that only the rule under test can refuse it.
fn link_of(body: &[u8]) -> String {
    let bytes = [body, &crate::crypto::hash(body)[..4]].concat();
    format!("tidings:invite/1/{}", base64::encode(&bytes))
}

#[test]
fn an_invite_holds_four_addresses_and_a_link_has_room_for_the_longest() {
    let longest = Address::from_bytes(&[b'a'; ADDRESS_LEN_LIMIT]).expect("at the limit");
    let full = Invite { addresses: vec![longest.clone(); INVITE_ADDRESS_LIMIT], ..invite() };
    let link = full.expose_link();
    assert_eq!(link.len(), 851);
    assert!(link.len() <= INVITE_LINK_LIMIT);
    assert_eq!(Invite::parse(&link).as_ref(), Ok(&full));
    let more = Invite { addresses: vec![longest; INVITE_ADDRESS_LIMIT + 1], ..invite() };
    assert_eq!(Invite::parse(&more.expose_link()), Ok(full), "the fifth is left off");

    let head = [vec![1; 96], vec![0; 8]].concat();
    let with = |tail: &[u8]| Invite::parse(&link_of(&[&head, tail].concat()));
    assert!(with(&[0]).is_ok());
    assert!(with(&[4, 1, 9, 1, 9, 1, 9, 1, 9]).is_ok());
    for tail in [
        [5, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9].as_slice(), // five
        &[1, 0],                                      // an empty address
        &[1, 2, 9],                                   // cut short
        &[0, 0],                                      // something behind the end
        &[],
    ] {
        assert_eq!(with(tail), Err(InviteError::Damaged), "{tail:?}");
    }
    let too_long = [vec![1, 129], vec![b'a'; 129]].concat();
    assert_eq!(with(&too_long), Err(InviteError::Damaged));
}

#[test]
fn an_invite_prints_no_secret() {
    let shown = format!("{:?} {:?}", invite(), Invite::parse(&invite().expose_link()[..100]));
    assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_invite_survives_being_a_link(
        ids: ([u8; 32], [u8; 32], [u8; 32]), ms: u64,
        addresses in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=128), 0..=4),
    ) {
        let invite = Invite {
            root: UserId::from_bytes(ids.0),
            node: NodeId::from_bytes(ids.1),
            addresses: addresses.iter().map(|bytes| Address::from_bytes(bytes).expect("short")).collect(),
            secret: InviteSecret::from_bytes(ids.2),
            expires: Timestamp::from_millis(ms),
        };
        prop_assert_eq!(Invite::parse(&invite.expose_link()), Ok(invite));
    }

    #[test]
    fn any_text_is_an_invite_or_an_error(text in "(tidings:invite/[0-9]{0,2}/)?[ -~é]{0,40}", body: Vec<u8>) {
        // Most texts are no invite; what must not happen is a panic.
        let _ = Invite::parse(&text);
        if let Ok(invite) = Invite::parse(&link_of(&body)) {
            prop_assert_eq!(invite.expose_link(), link_of(&body));
        }
    }
}
