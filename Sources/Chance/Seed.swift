/// The one number that decides a randomised run.
package struct Seed: Hashable, Sendable {
    package let value: UInt64

    package init(_ value: UInt64) {
        self.value = value
    }

    /// A generator of which every draw is decided by this seed.
    package func generator() -> Generator {
        Generator(seed: value)
    }

    /// A generator for one purpose: what it draws does not change when other purposes draw more or
    /// less. Different numbers are different purposes.
    package func generator(for purpose: UInt64) -> Generator {
        var mixer = Generator(seed: value ^ (purpose &* 0xD6E8_FEB8_6659_FD93))
        return Generator(seed: mixer.next())
    }
}
