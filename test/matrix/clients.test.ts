import t from 'tap'
import { playRows } from './play-rows.ts'
import { ROWS } from './rows.ts'
import { openSubjects } from './subjects.ts'

const { subjectOf, strays } = openSubjects(t)

playRows(t, ROWS, subjectOf, strays)
