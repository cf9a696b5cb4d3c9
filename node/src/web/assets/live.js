// @ts-check
/**
 * What happens while the page is open: one stream of events, taken up again by the browser where it stopped.
 * @module
 */
import { notice } from "./dom.js";
import { arrived } from "./photos.js";

/**
 * Listens. The first page is read once the stream is open, so that nothing falls between the two.
 * @param {import("./timeline.js").Timeline} timeline
 * @param {import("./people.js").People} people
 */
export function listen(timeline, people) {
  const stream = new EventSource("/api/v1/events");
  const load = () => Promise.all([timeline.load(), people.load()]).catch((error) => notice(error.message));
  stream.addEventListener("open", load);
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) notice("The node has ended this session. Open a fresh address with: tidings open");
  });
  stream.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    switch (event.event) {
      case "moment": timeline.put(event.moment, true); break;
      case "interaction": timeline.put(event.moment, false); break;
      case "withdrawn": timeline.remove(event.id); break;
      case "delivery": timeline.deliver(event.id, event.delivery); break;
      case "blob": arrived(event.id); break;
      case "friend": case "unfriended": case "request": people.load().catch(() => {}); break;
      case "resync": load(); break;
      default: break; // A newer node may tell more than this page knows.
    }
  });
}
