import Planning

/// What each member's directory knows of the record, in case that gets lost: `record.json`.
struct RecordCopy {
    let uid: String
    let bytes: [UInt8]

    init(of current: ClusterRecord) {
        // Without what changes from start to start, so that it is not written each time.
        var record = current
        record.phase = max(.started, record.phase)
        for index in record.members.indices {
            // One that has no command line has never run.
            guard record.members[index].launch != nil else { continue }
            record.members[index].launched = true
            record.members[index].hasLog = true
        }
        uid = record.uid
        bytes = StateFile.encode(record)
    }
}
