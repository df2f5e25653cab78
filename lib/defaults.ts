/**
 * Every default and every fixed bound, with its unit and its reason. Options are read once, with `??`, from here.
 */

/**
 * A quiet stream says something every 15 s: the shortest idle time-outs of common proxies and load balancers are 30
 * to 60 s.
 */
export const HEARTBEAT_INTERVAL_MS = 15_000
/** A client waits 3 s before it reconnects, as browsers do by themselves. */
export const RETRY_MS = 3_000
/**
 * Up to half of it is added at random for each client, so that clients that were cut together do not come back
 * together.
 */
export const RETRY_JITTER = 0.5
/**
 * For 50 ms a source may still fail with an ordinary error response; a page hardly notices that `onopen` is so much
 * later.
 */
export const COMMIT_DELAY_MS = 50
/** A socket that takes nothing for 30 s is dead: TCP retransmits, so a slow one makes progress within that. */
export const WRITE_TIMEOUT_MS = 30_000
/**
 * A response without chunks is cut off 250 ms after its last bytes have left for the network: long enough for them to
 * be read, and no burden on a drain.
 */
export const RESET_DELAY_MS = 250
/** The same after a last word, such as `stream:error`: a browser may still be handing it to its page. */
export const LAST_WORD_MS = 250
/** A pipelined request waits 30 s for the responses ahead of it; behind an endless stream it would wait for ever. */
export const TURN_TIMEOUT_MS = 30_000
/**
 * At most 32 pipelined streams wait on one socket: browsers pipeline none, and each holds a request and a response of
 * some kilobytes.
 */
export const TURNS_PER_SOCKET = 32
/**
 * Over HTTP/2, what a client has taken is sampled 4 times per `writeTimeoutMs`: so a stalled one is cut a quarter
 * late at most.
 */
export const STALL_CHECKS = 4
/**
 * A larger write goes out in slices of 16 KiB where Node tells nothing of the progress within one: a reader that
 * takes one slice is alive.
 */
export const SLICE_BYTES = 16 * 1024
/**
 * Whether a stream is still allowed is asked each 60 s: a login that is taken back counts within a minute, for one
 * check a second per 60 streams.
 */
export const RECHECK_INTERVAL_MS = 60_000
/**
 * `maxAgeMs` and each recheck interval are up to a tenth shorter, so that streams that began together do not end, or
 * ask, together.
 */
export const LIFETIME_JITTER = 0.1
/** `app.close()` gives streams 5 s to take what remains, half of what common supervisors wait before they kill. */
export const DRAIN_TIMEOUT_MS = 5_000
/** 20,000 idle streams cost about 300 MB, which is what a small container has. */
export const MAX_CONNECTIONS = 20_000
/**
 * No limit for one client: behind a proxy without `trustProxy` all clients share one address, and a limit would
 * refuse them.
 */
export const MAX_CONNECTIONS_PER_KEY = Infinity
/** A generator that still runs 5 s after its client left is reported: time enough for an honest `finally`. */
export const PARKED_AFTER_MS = 5_000
/** `retry` of a client that was refused because the server is full: it need not hurry. */
export const REFUSED_RETRY_MS = 10_000
/** Warnings about event types are remembered for 1,000 feeds and routes, and then all forgotten: names may be many. */
export const MISHEARD_TOLD = 1_000
/**
 * Of refused streams the log gets one line for each reason in 60,000 ms, with their number: clients that are refused
 * come back every 10 s, and thousands of them would bury all else.
 */
export const REFUSALS_LOGGED_MS = 60_000
/** `retry` after a source failed: what has just failed will often fail again at once. */
export const FAILED_RETRY_MS = 10_000

/** A feed keeps 10,000 entries: the minutes that a client may be away, at a hundred events a second or fewer. */
export const RETAIN_ENTRIES = 10_000
/** ... and at most 64 MiB, with all cached forms of them. */
export const RETAIN_BYTES = 64 * 1024 * 1024
/**
 * An entry counts 300 bytes beside its text: the objects around it take so much (measured with Node 20), and a bound
 * without them would be none for small events.
 */
export const ENTRY_BYTES = 300
/** ... and a cached form 240. */
export const FRAME_BYTES = 240
/** ... and an entry that a projection leaves out 50 in the cache, where only that is known of it. */
export const LEFT_OUT_BYTES = 50
/**
 * Cached forms hold at most half of what the log may hold, and less where the entries need it: history counts more
 * than what can be made again.
 */
export const FORMS_SHARE = 0.5
/**
 * States that streams are being sent hold what entries leave of a log's bound, or half of the bound where they leave
 * less: no entry leaves for a client that stalls.
 */
export const STATES_SHARE = 0.5
/**
 * ... and 8 KiB however small the bound is: a small state is no danger, and a stream that gets none would come back
 * for ever.
 */
export const STATES_LEAST_BYTES = 8 * 1024
/**
 * A new state is compared with the 8 newest as of the same event ID: those of a crowd that comes at once are alike,
 * those of single users are not.
 */
export const STATES_COMPARED = 8
/** ... of any age: count and bytes bound the memory already. */
export const RETAIN_AGE_MS = Infinity

/** What a run has said is kept for 10 minutes after its end: a page that was closed by mistake finds it again. */
export const RUN_KEEP_MS = 600_000
/** 10,000 runs at a time hold about 200 MB, with what a small generator holds. */
export const MAX_RUNS = 10_000
/** A run keeps 100,000 events: the longest answers of language models have some 60,000 tokens. */
export const RUN_ENTRIES = 100_000
/** ... and at most 32 MiB of them: what 100,000 small events take. */
export const RUN_BYTES = 32 * 1024 * 1024
/** The runs of one family hold at most 256 MiB together: 2,000 answers of 300 tokens, or eight of the largest. */
export const RUNS_BYTES = 256 * 1024 * 1024
/** A run counts 16 KiB beside its events: its objects take so much (measured with Node 20). */
export const RUN_OBJECT_BYTES = 16 * 1024
/** A source that was stopped has 5 s for its `finally`, as one whose client has left has. */
export const RUN_STOP_MS = 5_000
/**
 * After 100 events in a row, the source of a run lets other work run: a source that never waits would stop all else.
 */
export const RUN_EVENTS_IN_A_ROW = 100
/** A run waits for its log when 200 of its events are on their way: so none fills what all may have on their way. */
export const RUN_PENDING_EVENTS = 200
/** A drain gives runs three quarters of `drainTimeoutMs` to end by themselves ... */
export const DRAIN_RUNS_SHARE = 3 / 4
/** ... and an eighth for their `finally`, after which those who follow have an eighth to hear of the end. */
export const DRAIN_STOP_SHARE = 1 / 8

/** A room that nobody follows stays for 60 s: a page that is loaded again, or a phone in a tunnel, finds it. */
export const ROOM_IDLE_MS = 60_000
/** 10,000 rooms at a time take about 50 MB without their events. */
export const MAX_ROOMS = 10_000
/** A room keeps 1,000 entries: what a page shows of one, and of very many rooms not too much. */
export const ROOM_ENTRIES = 1_000
/** ... and at most 1 MiB of them, with all cached forms. */
export const ROOM_BYTES = 1024 * 1024
/**
 * `onOpen`, `onIdle` and the log of a room have 30 s each: a database that has not answered within that hangs, and
 * whoever waits for the room waits no longer.
 */
export const ROOM_HOOK_MS = 30_000
/** When the application closes, `onIdle` runs for 100 rooms at once: a database takes no 10,000 calls in one moment. */
export const ROOMS_STORED_AT_ONCE = 100

/** A batch is at most 256 KiB: what user space holds for one stalled client. One event that is longer is sent whole. */
export const BATCH_BYTES = 256 * 1024
/**
 * First events of at most 16 KiB are copied to leave in one write with the head and `retry`: the copy costs less than
 * a write.
 */
export const FIRST_WRITE_BYTES = 16 * 1024
/** What is concatenated for one filtered stream alone is at most 64 KiB. */
export const PRIVATE_BATCH_BYTES = 64 * 1024
/**
 * Of an async iterable, at most 16 KiB are pulled ahead of a write: one write of that size costs about as much as a
 * small one.
 */
export const PULL_AHEAD_BYTES = 16 * 1024
/** A source that is always ready lets other work run after every 128 KiB. */
export const YIELD_AFTER_BYTES = 128 * 1024
/** A fan-out lets other work run after 4 ms. */
export const FAN_OUT_SLICE_MS = 4
/** A tick of `everyMs` comes up to a tenth later, so that streams that began together do not all tick together. */
export const TICK_JITTER = 0.1
/**
 * When two thirds of a log have turned over, streams that leave entries out say where they stand: a client then has
 * the time of the last third to get it. So each says it at most four times while the log turns over once, even where
 * its three bounds take turns.
 */
export const BOOKMARK_SHARE = 2 / 3
/**
 * A stream with keys or a filter that catches up looks at 1,000 entries, a few milliseconds' work, then lets other
 * work run.
 */
export const SCAN_ENTRIES = 1_000
/**
 * The event ID of a stream of several feeds has at most 4,000 bytes. A client sends it back in a header, and servers
 * and proxies refuse requests whose headers are longer than 8 or 16 KiB: a browser that is refused never comes back.
 */
export const MOST_ID_BYTES = 4_000
/** An event has at most 64 keys: each costs as much as one more entry in the index of keys. */
export const MAX_KEYS = 64
/**
 * A stream that follows keys and catches up collects 500 of its entries at a time: a client that stalls then holds 4
 * KB of numbers.
 */
export const KEYED_ENTRIES = 500
/**
 * To find them it looks at 4,000 entries, or at as much of the index of keys, then lets other work run: a
 * millisecond, and five before it is compiled.
 */
export const KEYED_LOOKS = 4_000
/**
 * Of a stream that follows more than 1,000 keys, the index of keys learns 1,000 in a turn, which takes a millisecond.
 * Its entries are found by a look at all entries, because the index cannot be asked for some of the keys.
 */
export const KEYS_AT_ONCE = 1_000
/** When the first stream with keys opens, the index of keys takes in 2,000 entries in a turn. */
export const INDEXED_ENTRIES = 2_000
/**
 * Of what a log may hold, at most this share is kept for conflation: the newest entries of keys that the log has
 * dropped.
 */
export const CONFLATION_SHARE = 0.5
/** Entries that are kept by key after the log has dropped them hold at most half of what the log may hold. */
export const HISTORIES_SHARE = 0.5
/** An entry that is kept by key counts 150 bytes more than in the log: its place in the histories (measured with Node 20). */
export const KEPT_BYTES = 150
/** Each key of a feed that keeps histories by key counts 300 bytes: what its objects take (measured with Node 20). */
export const HISTORY_BYTES = 300
/** Each filter and each variant reports an entry that it throws at once: the last 1,000 of them are remembered. */
export const POISON_REPORTS = 1_000
/** Entries from before the window are read from a log in pages of 500. */
export const PAGE_ENTRIES = 500
/** While streams replay, the pages that they have read are kept for those who follow: 20,000 entries, or 40 pages. */
export const PAGES_ENTRIES = 20_000
/** ... and at most 16 MiB, with what was made of them. */
export const PAGES_BYTES = 16 * 1024 * 1024
/** At most 10,000 events are on their way into a log: seconds of a busy feed, while its disk or its network hangs. */
export const PENDING_APPENDS = 10_000
/** ... and at most 16 MiB of them, counted as for `retain.bytes`; one that is larger goes alone. */
export const PENDING_BYTES = 16 * 1024 * 1024
/** A line of a byte stream is at most 1 MiB: without a bound a source without line ends would fill the memory. */
export const LINE_BYTES = 1024 * 1024
/** Heartbeats are spread over the interval in 64 slices. */
export const HEARTBEAT_SLICES = 64
/**
 * Of 16 intervals of heartbeats at least that no open stream has any more, the timers and slices are kept: 11 KiB
 * each.
 */
export const IDLE_INTERVALS = 16
/**
 * 32 streams that were opened behind each other beat together: their memory lies side by side, and a beat costs
 * little but cold memory.
 */
export const HEARTBEAT_NEIGHBOURS = 32
/**
 * A test of a log waits 5 s for each answer: a slow disk in a busy machine answers within that, a log that forgot to
 * answer never does.
 */
export const LOG_ANSWER_MS = 5_000
/**
 * What a log must answer at once has 1 s in a test: more than a read from a slow disk takes, less than a wait for
 * another process.
 */
export const LOG_AT_ONCE_MS = 1_000
/**
 * A test of a log reads 10,000 entries at most: it appends fewer than 2,000, and a log whose pages never end is
 * faulty.
 */
export const LOG_MOST_ENTRIES = 10_000
/**
 * A test of a log turns the event loop over 20 times before it says that something was not told: what is late by a
 * tick or a timer of 0 ms comes by then.
 */
export const LOG_QUIET_TURNS = 20

/** At most 50,000 events of all feeds wait to be written into a database: some seconds of what a disk takes. */
export const SQLITE_PENDING_ENTRIES = 50_000
/** ... and at most 64 Mi characters of data; one event that is longer is taken where nothing else waits. */
export const SQLITE_PENDING_BYTES = 64 * 1024 * 1024
/** What came in several ticks while a commit was under way is committed together: 1,000 events, or one whole tick. */
export const SQLITE_WRITE_ENTRIES = 1_000
/** A page read from a database has at most 1,000 entries ... */
export const SQLITE_PAGE_ENTRIES = 1_000
/** ... and 256 KiB, or one entry: to receive it from the worker thread takes the event loop about a millisecond. */
export const SQLITE_PAGE_BYTES = 256 * 1024
/** Of pages, 4 are asked for at once: the worker thread is never idle, and what waits for the event loop is bounded. */
export const SQLITE_PAGES_ASKED = 4
/** Entries that are not kept any more leave a database 2,000 at a time: a few milliseconds, for which others wait. */
export const SQLITE_SWEEP_ENTRIES = 2_000
/** What has become too old leaves within a tenth of `ageMs`, but nobody looks more often than each second ... */
export const SQLITE_SWEEP_LEAST_MS = 1_000
/** ... or less often than each minute. */
export const SQLITE_SWEEP_MOST_MS = 60_000
/**
 * A log knows the tags of its last 1,000 openings. To a client that comes back after more of them its position is
 * unknown, not too old.
 */
export const SQLITE_TAGS = 1_000
/** Another program may write to a database for 5 s, before those who wait for it fail. */
export const SQLITE_BUSY_MS = 5_000
/** A database that has not answered for 30 s hangs: what it was asked fails. */
export const SQLITE_ANSWER_MS = 30_000
/** After a burst the write-ahead log of a database is cut to 16 MiB: four times what it usually has. */
export const SQLITE_WAL_BYTES = 16 * 1024 * 1024
