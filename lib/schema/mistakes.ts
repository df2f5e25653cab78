/**
 * What is wrong with a source, as a sentence that the compiler prints. Without it, TypeScript compares iterators with
 * all that `reply.sse` takes, and says what a subscription has that a generator has not. Nothing here exists at run
 * time.
 */
import type { AnyEvent, ServerSentEvent } from '../wire/event.ts'
import type { FrameSourceOpener } from '../wire/frame-source.ts'
import type { Writable, Yield } from './types.ts'

/** What may be yielded where these events are declared; `undefined`: none are. */
export type YieldedBy<Types> = Types extends undefined ? AnyEvent : Yield<Types>

declare const notInferred: unique symbol
/** Stands for the events of a source of which none could be inferred. */
interface NotInferred { readonly [notInferred]: true }

/** What the events of a source are inferred within: anything. What may be yielded comes first, for editors to offer. */
export type Given<Types> = YieldedBy<Types> | NotInferred | {} | null | undefined

/**
 * The type of the parameter that takes a source, where `Event` is what that gives: `Source`, if all is as declared;
 * otherwise a sentence, which no source is.
 *
 * @typeParam Source what is taken where these events are declared
 * @typeParam Inferred the same with `Event` in their place, from which that is inferred
 * @typeParam Kept what is inferred for the value of a promise; `never` for any other source
 */
export type Checked<Event, Types, Source, Inferred, Kept> =
  [Kept] extends [never] ? CheckedEvents<Event, Types, Source, Inferred>
    // from here it is inferred
    : [Kept] extends [NotInferred] ? PromiseLike<Kept> : 'A promise is no source: await it, or give the function that returns it'

type CheckedEvents<Event, Types, Source, Inferred> =
  [Extract<Event, NotInferred>] extends [never]
    ? [Mistake<Event, Types>] extends [never]
        ? [Event] extends [YieldedBy<Types> | FrameSourceOpener | undefined] ? Source : Source | Inferred
        : Mistake<Event, Types> | GenericSource<Types>
    : Source

/** What is taken without a look at its events: inside of a function with type parameters nobody knows them. */
type GenericSource<Types> = Types extends undefined ? AnySubscription : never

/** A subscription to anything. */
interface AnySubscription extends FrameSourceOpener {}

/**
 * A sentence for each mistake in what a source gives; `never` if there is none. Inference takes the `undefined` at the
 * end of an iterator for an event too: that is compared in the ordinary way.
 */
type Mistake<Event, Types, All = Event> =
  IsAny<Event> extends true ? never
    : Event extends undefined ? never
      : Event extends MemberOf<infer Iterated> ? Types extends undefined ? never : Mistake<Iterated, Types>
        : Event extends YieldedBy<Types> ? never
          : Writable<Event> extends YieldedBy<Types> ? never : Sentence<Writable<Event>, Types, All>

/** A subscription in an array of them. */
type MemberOf<Iterated> = AsyncIterable<Iterated> & FrameSourceOpener

type Sentence<Event, Types, All> =
  unknown extends Event ? 'The type of what this source gives is unknown: give the iterable a type'
    : Event extends string ? `A string is an event of type 'message'${MessageOf<Types>}`
      : Event extends { readonly event: infer Type extends string } ? SentenceOfType<Event, Type, Types, All>
        : Event extends { readonly data: unknown } ? SentenceOfUnnamed<Event, Types>
          : `An event has data, event, id, retry or comment${FieldsOf<Event>}: wrap a value as { data: … }`

/** What is declared of the type `message`. */
type MessageOf<Types> =
  Types extends { readonly message: infer Data } ? `: its data is ${NameOf<Data>} here` : `. ${Undeclared<'such event', Types>}`

type FieldsOf<Event> =
  Event extends object ? [keyof Event] extends [never] ? ', and this one has none' : `, and this one has only ${List<keyof Event & string>}` : `, and this is ${NameOf<Event>}`

type SentenceOfType<Event, Type extends string, Types, All> =
  Types extends undefined ? SentenceOfFields<Event, Type>
    : string extends Type ? SentenceOfAnyType<Event, Types>
      : Type extends keyof Types & string ? SentenceOfData<Event, Type, Types[Type]>
        : `${Undeclared<`event '${Type}'`, Types>}${Hint<Event, Types, All>}`

type SentenceOfAnyType<Event, Types> =
  Event extends { readonly at: number }
    ? 'An event of this feed may be of any type: give the feed its option events'
    : `The type of this event may be any string: write it as a literal, ${Join<Quoted<keyof Types & string>, ' or '>}`

type SentenceOfUnnamed<Event, Types> =
  Types extends undefined ? SentenceOfFields<Event, 'message'>
    : Types extends { readonly message: infer Data } ? SentenceOfData<Event, 'message', Data>
      : `An event without a type is a 'message'. ${Undeclared<'such event', Types>}`

type SentenceOfData<Event, Type extends string, Expected> =
  Event extends { readonly data: infer Data }
    ? Data extends Expected ? SentenceOfFields<Event, Type> : `In the event '${Type}', ${Difference<Data, Expected, 'data'>}`
    : `The event '${Type}' has no data`

type SentenceOfFields<Event, Type extends string> = `In the event '${Type}', ${FieldDifference<Event, Omit<ServerSentEvent, 'data' | 'event'>>}`

type FieldDifference<Event, Fields> = { [Name in keyof Event & keyof Fields & string]: Event[Name] extends Fields[Name] ? never : `${Name} is ${NameOf<Event[Name]>}, not ${NameOf<NonNullable<Fields[Name]>>}` }[keyof Event & keyof Fields & string]

/** For an event of a feed, which a loop or a subscription gives, if others of that feed are declared. */
type Hint<Event, Types, All> =
  Event extends { readonly at: number }
    ? [TypeIn<All> & keyof Types & string] extends [never] ? '' : `: subscribe({ events: [${List<TypeIn<All> & keyof Types & string>}] }) takes no others`
    : ''
type TypeIn<Event> = Event extends { readonly event: infer Type extends string } ? Type : never

/** Where data differs from what is expected, a clause for each place. Deeper than five levels it says no more. */
type Difference<Data, Expected, Path extends string, Depth extends readonly unknown[] = []> =
  Data extends Expected ? never
    : Depth['length'] extends 5 ? `${Path} does not fit`
      : Data extends readonly (infer Item)[]
        ? Expected extends readonly (infer ExpectedItem)[] ? OrUnfit<Difference<Item, ExpectedItem, `${Path}[]`, [...Depth, 0]>, Path> : Unlike<Data, Expected, Path>
        : [Data, Expected] extends [object, object]
            ? IsUnion<Expected> extends true ? `${Path} fits none of the types of its union`
              : Expected extends readonly unknown[] ? Unlike<Data, Expected, Path> : OrUnfit<DifferenceOfProperties<Data, Expected, Path, Depth>, Path>
            : Unlike<Data, Expected, Path>

type DifferenceOfProperties<Data, Expected, Path extends string, Depth extends readonly unknown[]> = {
  [Name in keyof Expected & string as string extends Name ? never : Name]-?: Name extends GivenIn<Data>
    ? Difference<Data[Name & keyof Data], Expected[Name], `${Path}.${Name}`, [...Depth, 0]>
    : undefined extends Expected[Name] ? never : `${Path}.${Name} is missing`
} extends infer Clauses ? Clauses[keyof Clauses] : never

/**
 * Properties that a value has: where several events are yielded, TypeScript gives each those of the others, as
 * `never`.
 */
type GivenIn<Data> = { [Name in keyof Data]-?: [Exclude<Data[Name], undefined>] extends [never] ? never : Name }[keyof Data]

type OrUnfit<Clause, Path extends string> = [Clause] extends [never] ? `${Path} does not fit` : Clause
type Unlike<Data, Expected, Path extends string> = `${Path} is ${NameOf<Data>}, not ${NameOf<Expected>}`

type NameOf<Value> = unknown extends Value ? 'anything' : Join<Name<Value>, ' or '>
type Name<Value> =
  Value extends string ? string extends Value ? 'a string' : `'${Value}'`
    : Value extends number ? number extends Value ? 'a number' : `${Value}`
      : Value extends boolean ? 'a boolean'
        : Value extends null ? 'null' : Value extends undefined ? 'undefined'
          : Value extends readonly unknown[] ? 'an array' : 'an object'

type Undeclared<What extends string, Types> = `No ${What} is declared here, only ${List<keyof Types & string>}`
type List<Names extends string> = Join<Quoted<Names>, ', '>
type Quoted<Names extends string> = Names extends unknown ? `'${Names}'` : never

/** The members of a union of strings, one after the other. */
type Join<Union, Separator extends string> =
  LastOf<Union> extends infer Last extends string
    ? [Exclude<Union, Last>] extends [never] ? Last : `${Join<Exclude<Union, Last>, Separator>}${Separator}${Last}`
    : never

/** One member of a union: that which inference finds in the last of overloaded functions. */
type LastOf<Union> =
  (Union extends unknown ? (member: () => Union) => void : never) extends (member: infer Members) => void
    ? Members extends () => infer Last ? Last : never
    : never

type IsUnion<Type, Member = Type> = Type extends unknown ? [Member] extends [Type] ? false : true : never
type IsAny<Type> = 0 extends 1 & Type ? true : false
