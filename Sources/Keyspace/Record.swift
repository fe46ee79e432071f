package import EtcdProto
internal import FoundationEssentials

/// One version of one key: the bytes of an `mvccpb.KeyValue` and where its parts lie in them.
///
/// The bytes are written as etcd writes them (fields in the order key, create_revision,
/// mod_revision, version, value, lease; what is zero or empty is left out), since `HashKV`
/// covers them; and just so they are an element of a response's `kvs`.
package struct Record: Sendable, Hashable {
    package let bytes: [UInt8]
    private let fields: RecordFields

    /// Takes the bytes apart; nil when they are not such a message.
    package init?(_ bytes: [UInt8]) {
        guard let fields = RecordFields(bytes.span) else { return nil }
        self.bytes = bytes
        self.fields = fields
    }

    package var key: ArraySlice<UInt8> { bytes[fields.key] }
    package var value: ArraySlice<UInt8> { bytes[fields.value] }
    package var createRevision: Int64 { fields.createRevision }
    package var modRevision: Int64 { fields.modRevision }
    package var version: Int64 { fields.version }
    package var lease: Int64 { fields.lease }

    /// The record without its value, as ranges of keys only give it.
    package var withoutValue: Record {
        let shorter = Record.encode(
            key: key,
            value: EmptyCollection(),
            createRevision: createRevision,
            modRevision: modRevision,
            version: version,
            lease: lease
        )
        return Record(shorter) ?? self
    }

    /// The message that the bytes are.
    package var keyValue: KeyValue {
        var message = KeyValue()
        message.key = Data(key)
        message.createRevision = createRevision
        message.modRevision = modRevision
        message.version = version
        message.value = Data(value)
        message.lease = lease
        return message
    }

    /// The bytes of a record. A tombstone's holds only the key.
    static func encode(
        key: some Collection<UInt8>,
        value: some Collection<UInt8> = EmptyCollection<UInt8>(),
        createRevision: Int64 = 0,
        modRevision: Int64 = 0,
        version: Int64 = 0,
        lease: Int64 = 0
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        // Six tags, two lengths of up to 5 bytes, four numbers of up to 10.
        bytes.reserveCapacity(key.count + value.count + 6 + 2 * 5 + (lease < 0 ? 40 : 22))
        bytes.appendField(1, key)
        bytes.appendField(2, createRevision)
        bytes.appendField(3, modRevision)
        bytes.appendField(4, version)
        bytes.appendField(5, value)
        bytes.appendField(6, lease)
        return bytes
    }
}
