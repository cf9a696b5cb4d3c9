//! Friends who send more than anybody wants to keep: what it may cost, and that others are heard all the same.

use tidings::limits::POST_WRITER_COMMENT_LIMIT;

use super::people::{circle, everyone};

#[test]
fn of_one_writers_comments_the_newest_are_kept_and_others_keep_theirs() {
    let mut world = circle(301, &["Alice", "Bob", "Carol"]);
    world.post(0, "a hill", everyone());
    world.run(1_000);
    world.comment(2, "a hill", "green");
    world.run(1_000);
    for n in 0..POST_WRITER_COMMENT_LIMIT {
        world.comment(1, "a hill", &format!("noise {n}"));
        world.run(20);
    }
    world.run(1_000);
    let seen = world.comments(0, "a hill");
    assert_eq!(seen.len(), POST_WRITER_COMMENT_LIMIT + 1, "so many are kept");
    assert!(seen.contains(&"noise 0".to_owned()));
    world.comment(1, "a hill", "one more");
    world.run(1_000);
    for who in 0..3 {
        let seen = world.comments(who, "a hill");
        assert_eq!(seen.len(), POST_WRITER_COMMENT_LIMIT + 1);
        assert!(seen.contains(&"green".to_owned()), "Carol is heard");
        assert!(seen.contains(&"one more".to_owned()), "the newest is kept");
        assert!(!seen.contains(&"noise 0".to_owned()), "the oldest made room");
    }
}
