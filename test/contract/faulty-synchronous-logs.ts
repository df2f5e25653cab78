/** Faults of the log that answers at once. */
import type { LogBeginning, LogDraft, LogEntry, Tail, TailListener } from '../../lib/log/contract.ts'
import { altered, type Newest, type Row } from './faulty-row.ts'
import { numberIn } from './history.ts'
import { SynchronousLog } from './memory-reference.ts'

export const faultySynchronousLogs: ReadonlyArray<Row<typeof SynchronousLog>> = [
  ['does not say what it keeps', [
    'a log says how many entries it keeps',
    'a log says how many bytes it keeps',
    'a log says for how long it keeps an entry'
  ], class extends SynchronousLog {
    override readonly retain = {}
  }],
  ['says that its tail begins where it does not', [
    'the tail of an empty log begins at its head',
    'a tail that asks for no entries begins at the head'
  ], class extends SynchronousLog {
    override tail (listener: TailListener, newest: Newest): Tail {
      const { before, stop } = super.tail(listener, newest)
      return { before: before.replace(/\d+$/, (number) => String(Number(number) + 1)), stop }
    }
  }],
  ['doubles what it tells', ['a tail is told each entry once, in the order of the log'], class extends SynchronousLog {
    override tail (listener: TailListener, newest: Newest): Tail {
      return super.tail(altered(listener, (entries) => [...entries, ...entries]), newest)
    }
  }],
  ['tells empty lists too', ['a tail is told each entry once, in the order of the log'], class extends SynchronousLog {
    override tail (listener: TailListener, newest: Newest): Tail {
      listener.entries([])
      return super.tail(listener, newest)
    }
  }],
  ['forgets to tell some entries', [
    'a tail is told each entry once, in the order of the log'
  ], class extends SynchronousLog {
    override tail (listener: TailListener, newest: Newest): Tail {
      const isTold = ({ position }: LogEntry): boolean => numberIn(position) !== 7
      return super.tail(altered(listener, (entries) => entries.filter(isTold)), newest)
    }
  }],
  ['tells who has checked an entry by a copy', [
    'the tail is told what has checked an entry that was just made'
  ], class extends SynchronousLog {
    override append (draft: LogDraft): string {
      return super.append({ ...draft, checkedBy: structuredClone(draft.checkedBy) })
    }
  }],
  ['goes on telling after stop', [
    'a tail that was stopped is told nothing more, and the others are'
  ], class extends SynchronousLog {
    override tail (listener: TailListener, newest: Newest): Tail {
      const { before } = super.tail(listener, newest)
      return { before, stop: () => {} }
    }
  }],
  ['is closed by the stop of a tail', [
    'a tail that was stopped is told nothing more, and the others are'
  ], class extends SynchronousLog {
    override tail (listener: TailListener, newest: Newest): Tail {
      const { before } = super.tail(listener, newest)
      return { before, stop: () => { this.close() } }
    }
  }],
  ['answers after close', [
    'after close every method fails by a code that says so',
    'delete closes the hold'
  ], class extends SynchronousLog {
    override close (): void {}
    override delete (): void {}
  }],
  ['fails after close without a code', [
    'after close every method fails by a code that says so'
  ], class extends SynchronousLog {
    #isClosed = false
    override close (): void {
      super.close()
      this.#isClosed = true
    }

    override earliest (): LogBeginning {
      if (this.#isClosed) throw new Error('closed')
      return super.earliest()
    }
  }],
  ['fails to close a second time', [
    'after close every method fails by a code that says so',
    'a log that was never opened can be closed'
  ], class extends SynchronousLog {
    #isClosed = false
    override close (): void {
      if (this.#isClosed) throw new Error('closed already')
      this.#isClosed = true
      super.close()
    }
  }],
  ['takes events after its end', ['a log that was ended can be read, and takes no more'], class extends SynchronousLog {
    override end (): void {}
  }],
  ['tells its end each time', ['the end is told once, to every tail, after all entries'], class extends SynchronousLog {
    readonly #listeners = new Set<TailListener>()
    override tail (listener: TailListener, newest: Newest): Tail {
      this.#listeners.add(listener)
      return super.tail(listener, newest)
    }

    override end (): void {
      super.end()
      for (const listener of this.#listeners) listener.ended()
    }
  }]
]
