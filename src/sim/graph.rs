//! Who is whose friend: most friendships near, some far, and a few people with very many.
//!
//! People stand on a ring. Each wants a number of friends drawn from quantiles with a heavy tail around the median; most
//! of them are looked for among those who stand near, so that friends share friends, the rest anywhere. How near hangs
//! on how many friends are wanted and never on how many people there are: so a part of a large graph looks like a
//! small graph, which is what makes costs of several sizes comparable.

use std::collections::BTreeSet;

use super::{Who, scenario::Scenario};
use crate::crypto::Entropy;

/// Up to which thousandth of all people, and how many friends they want, in percent of the median.
const DEGREES: [(u64, u64); 9] = [
    (100, 35),
    (250, 60),
    (400, 85),
    (600, 100),
    (750, 150),
    (900, 230),
    (980, 400),
    (998, 700),
    (1_000, 3_300),
];

/// The friends of each person, ascending.
pub(super) fn friends(scenario: &Scenario, entropy: &mut Entropy) -> Vec<Vec<Who>> {
    let people = scenario.people;
    let most = scenario.friends_limit.min(people.saturating_sub(1) / 3).max(1);
    let mut wanted: Vec<usize> =
        (0..people).map(|_| degree(scenario.friends_median, entropy).min(most)).collect();
    let aims = wanted.clone();
    let mut found: Vec<BTreeSet<Who>> = vec![BTreeSet::new(); people];
    for who in 0..people {
        let mut tries = wanted[who] * 8;
        while wanted[who] > 0 && tries > 0 {
            tries -= 1;
            let other = if entropy.below(100) < scenario.clustered_percent {
                let reach = (aims[who] * 3 / 2).max(6).min(people / 2);
                (who + people - reach + entropy.below(2 * reach as u64 + 1) as usize) % people
            } else {
                entropy.below(people as u64) as usize
            };
            if other != who && wanted[other] > 0 && found[who].insert(other) {
                found[other].insert(who);
                wanted[who] -= 1;
                wanted[other] -= 1;
            }
        }
    }
    found.into_iter().map(|friends| friends.into_iter().collect()).collect()
}

fn degree(median: usize, entropy: &mut Entropy) -> usize {
    let at = entropy.below(1_000);
    let percent = DEGREES.iter().find(|(until, _)| at < *until).map_or(100, |(_, percent)| *percent);
    // Half as much up or down, so that not all are alike.
    (median as u64 * percent * (75 + entropy.below(51)) / 10_000).max(1) as usize
}

/// How many of a hundred pairs of friends of one person are friends of each other, over a sample of people.
pub(super) fn clustering_percent(friends: &[Vec<Who>]) -> u64 {
    let (mut pairs, mut closed) = (0u64, 0u64);
    for of in friends.iter().step_by((friends.len() / 200).max(1)) {
        for (at, a) in of.iter().enumerate().take(60) {
            for b in of[at + 1..].iter().take(60) {
                pairs += 1;
                closed += u64::from(friends[*a].binary_search(b).is_ok());
            }
        }
    }
    (closed * 100).checked_div(pairs).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friendship_is_mutual_clustered_heavy_tailed_and_has_the_median_asked_for() {
        let scenario = Scenario { people: 3_000, friends_median: 20, ..Scenario::default() };
        let graph = friends(&scenario, &mut Entropy::from_number(1));
        for (who, of) in graph.iter().enumerate() {
            assert!(of.iter().all(|other| *other != who && graph[*other].contains(&who)));
        }
        let mut degrees: Vec<usize> = graph.iter().map(Vec::len).collect();
        degrees.sort_unstable();
        assert!((16..=24).contains(&degrees[1_500]), "median {}", degrees[1_500]);
        assert!(degrees[2_999] > 300, "most {}", degrees[2_999]);
        // A graph of as many friends drawn from anywhere shares less than half as many.
        let apart = friends(&Scenario { clustered_percent: 0, ..scenario }, &mut Entropy::from_number(1));
        let (clustered, apart) = (clustering_percent(&graph), clustering_percent(&apart));
        assert!((10..80).contains(&clustered) && apart * 2 < clustered, "{clustered} %, {apart} %");
    }

    #[test]
    fn a_larger_graph_is_no_denser() {
        let graph = |people| {
            let scenario = Scenario { people, friends_median: 20, friends_limit: 200, ..Scenario::default() };
            friends(&scenario, &mut Entropy::from_number(1))
        };
        let mean = |graph: &[Vec<Who>]| graph.iter().map(Vec::len).sum::<usize>() * 10 / graph.len();
        let (small, large) = (graph(1_000), graph(5_000));
        assert!(mean(&small).abs_diff(mean(&large)) < 30, "{} {}", mean(&small), mean(&large));
        assert!(clustering_percent(&small).abs_diff(clustering_percent(&large)) < 8);
    }
}
