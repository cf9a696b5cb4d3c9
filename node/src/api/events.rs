//! What happens, as it happens: server-sent events that a listener can take up again where it stopped.
//!
//! An event's id is the number of this run of the node and the event's own number. A listener comes back with the id of the
//! last one it has, in the header by which browsers do it, or in the address: a page that takes over from another one has
//! no way to set the header. One that comes back with the id of an earlier run, or of an event that is no longer remembered,
//! is first told `resync`: read the timeline anew. A listener that is too slow finds the stream at its end and comes back the same way.
//!
//! Source: WHATWG HTML 9.2 (server-sent events).

#![expect(unused_qualifications, reason = "utoipa's macro writes them for query parameters")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tidings::client::EventStream;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use super::guard::{Permit, Read};
use super::input::Params;
use crate::app::App;
use crate::error::{Error, Result};
use crate::limits::{EVENT_KEEP_ALIVE_SECONDS, EVENT_STREAM_LIMIT};
use crate::os;

/// Where to take up.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// The id of the last event that one has, for whoever cannot send `Last-Event-ID`, which counts before this.
    after: Option<String>,
}

/// Live events. `Last-Event-ID` or `after` takes up after an event.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    params(EventParams, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, description = "A stream that does not end", content_type = "text/event-stream", body = String)))]
pub async fn events(
    permit: Permit<Read>,
    Params(params): Params<EventParams>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    let turn = Arc::clone(&permit.app.streams).try_acquire_owned().map_err(|_full| {
        Error::refused(
            "too_many_streams",
            format!("{EVENT_STREAM_LIMIT} programs and pages listen already, the limit"),
            "close a page",
        )
        .with("limit", EVENT_STREAM_LIMIT)
        .with_status(429)
    })?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last.filter(|last| !last.is_empty()).or(params.after.as_deref());
    let (after, resync) = resume(last, &permit.app.run);
    let events = permit.client().await?.events(after);
    let resync = resync || events.has_missed();
    let first = resync.then(|| Ok(told(&json!({"event": "resync", "at": os::now()}), None)));
    let app = Arc::clone(&permit.app);
    let ended = async move { app.stopping().await };
    let stream = futures::stream::iter(first)
        .chain(live(events, Arc::clone(&permit.app), turn))
        .take_until(Box::pin(ended));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(EVENT_KEEP_ALIVE_SECONDS))))
}

/// After which event to go on, and whether something may have been missed.
fn resume(last: Option<&str>, run: &str) -> (Option<u64>, bool) {
    let Some(last) = last.filter(|last| !last.is_empty()) else { return (None, false) };
    match last.split_once('-').map(|(of, number)| (of == run, number.parse::<u64>())) {
        Some((true, Ok(number))) => (Some(number), false),
        _ => (None, true),
    }
}

fn told(data: &serde_json::Value, id: Option<String>) -> Event {
    let event = Event::default().data(data.to_string());
    match id {
        Some(id) => event.id(id),
        None => event,
    }
}

fn live(
    events: EventStream,
    app: Arc<App>,
    turn: OwnedSemaphorePermit,
) -> impl Stream<Item = std::result::Result<Event, Infallible>> {
    futures::stream::unfold((events, app, turn), |(mut events, app, turn)| async move {
        let event = events.next().await?;
        let id = format!("{}-{}", app.run, event.number);
        let data = serde_json::to_value(&event).unwrap_or_default();
        Some((Ok(told(&data, Some(id))), (events, app, turn)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_this_run_goes_on_and_one_of_an_earlier_run_starts_anew() {
        assert_eq!(resume(None, "aa"), (None, false));
        assert_eq!(resume(Some(""), "aa"), (None, false));
        assert_eq!(resume(Some("aa-7"), "aa"), (Some(7), false));
        assert_eq!(resume(Some("bb-7"), "aa"), (None, true));
        assert_eq!(resume(Some("aa-x"), "aa"), (None, true));
        assert_eq!(resume(Some("7"), "aa"), (None, true));
    }
}
