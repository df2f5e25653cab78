/**
 * What the kernel counts for a process and its children, in /proc: the same for all servers, and nothing that they do
 * themselves can colour it. Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** User and system time of a process, its threads and its children, in microseconds. */
export function cpuMicroseconds (pid: number): number {
  return family(pid).reduce((sum, member) => sum + ownCpuMicroseconds(member), 0)
}

/** Resident memory of a process and its children, in bytes. What they share is counted for each. */
export function residentBytes (pid: number): number {
  return family(pid).reduce((sum, member) => sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(read(member, 'status'))?.[1] ?? 0) * 1024, 0)
}

/** The most resident memory that a process has had since it began, without its children, in bytes. */
export function peakResidentBytes (pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(read(pid, 'status'))?.[1] ?? 0) * 1024
}

function family (pid: number): number[] {
  const children = read(pid, `task/${pid}/children`).trim()
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => family(Number(child))))]
}

/** From the scheduler's statistics, in nanoseconds; where the kernel keeps none, from those in ticks of a hundredth of a second. */
function ownCpuMicroseconds (pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((task) => Number(read(pid, `task/${task}/schedstat`).split(' ')[0]))
  const sum = nanoseconds.reduce((one, other) => one + other, 0)
  return sum > 0 ? sum / 1000 : tickedMicroseconds(pid)
}

/** The 14th and 15th field of `stat`. The second is the program's name, in brackets, which may hold anything. */
function tickedMicroseconds (pid: number): number {
  const stat = read(pid, 'stat')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** Empty where the kernel does not offer it, or a thread has just ended. */
function read (pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}
