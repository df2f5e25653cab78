/** How a stream of several runs ends: with the last of them, and as a failure where one of them has failed. */
import type { FrameSource, SourceEnd } from '../wire/frame-source.ts'

/** What is needed of one run of the stream. */
export interface SeveralMember {
  /** `undefined` where the run has not started, or is still looked up, and when it is over. */
  readonly frames: Pick<FrameSource, 'end'> | undefined
  /** True while it is not known whether there is such a run. */
  readonly isSought: boolean
  /** Its end, once the stream has passed that. */
  readonly end: SourceEnd | undefined
}

/** How the stream stands. */
export interface SeveralState {
  /** True where the connection wants nothing new. */
  readonly isCancelled: boolean
  /** True where no run starts any more. */
  readonly isClosed: boolean
}

/** The end of the stream; `undefined` where more may come. */
export function endOfSeveral (members: readonly SeveralMember[], { isCancelled, isClosed }: SeveralState): SourceEnd | undefined {
  const open = members.filter((member) => endOf(member) === undefined)
  if (isCancelled) return open.every(({ frames }) => frames === undefined) ? { kind: 'done' } : undefined
  // a run was closed before the stream had read all of it: the client comes back, and learns what became of the rest
  if (firstOf(members, 'drain') !== undefined) return { kind: 'drain' }
  const failure = firstOf(members, 'failed')
  if (open.length === 0 && members.length > 0) return failure ?? { kind: 'done' }
  // those that have not started will not
  const isLast = isClosed && open.every(({ frames, isSought }) => frames === undefined && !isSought)
  return isLast ? failure ?? { kind: 'drain' } : undefined
}

function endOf ({ end, frames }: SeveralMember): SourceEnd | undefined {
  return end ?? frames?.end
}

function firstOf (members: readonly SeveralMember[], kind: SourceEnd['kind']): SourceEnd | undefined {
  return members.map(endOf).find((end) => end?.kind === kind)
}
