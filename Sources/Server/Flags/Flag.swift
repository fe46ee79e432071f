/// One of etcd's command-line flags as this program knows it.
package struct Flag: Sendable {
    /// What a value must look like.
    package enum Kind: Sendable {
        case text
        /// `true` and `false` in the spellings of Go's `strconv.ParseBool`; alone it means true.
        case boolean
        case unsigned
        case signed
        /// Go's notation, such as `1h30m`.
        case duration
        /// URLs of the form `http://host:port`, comma-separated.
        case urls
        case oneOf([String])
    }

    /// What giving the flag does here.
    package enum Effect: Sendable {
        case supported
        /// Taken so that existing manifests work; it changes nothing in this program.
        case none
        /// Its behaviour is missing, so values other than these (and the default) are refused.
        case refused(unless: [String], because: String)
    }

    package let name: String
    package let kind: Kind
    package let fallback: String
    package let effect: Effect
    /// One sentence for `--help`.
    package let meaning: String
    /// Its name of one letter, if it has one.
    package let shorthand: String?

    package init(
        _ name: String,
        _ kind: Kind,
        _ fallback: String,
        _ meaning: String,
        effect: Effect = .supported,
        shorthand: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.fallback = fallback
        self.effect = effect
        self.shorthand = shorthand
        self.meaning = meaning
    }

    /// The environment variable of the flag: `data-dir` is `ETCD_DATA_DIR`.
    package var variable: String {
        "ETCD_" + String(name.map { $0 == "-" ? "_" : $0 }).uppercased()
    }
}
