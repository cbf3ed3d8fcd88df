/** Lengths of text fields, in characters, so that even three-byte characters fit the protocol's byte limits. */

/** A person's or group's name: the protocol takes 128 bytes. */
export const NAME_MAX = 42;
