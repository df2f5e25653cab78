/** @microsoft/fetch-event-source. */
import { fetchEventSource } from '/modules/@microsoft/fetch-event-source/lib/esm/index'

export function open ({ url, method, item, ended, failed }, headers = {}) {
  fetchEventSource(url, { method, headers, onmessage: ({ event, data }) => item({ type: event, data }) }).then(ended, failed)
}
