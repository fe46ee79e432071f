package import Keyspace

extension Member {
    /// Applies everything that is committed and brings it into the backend, in the place of a
    /// shell: for a log whose member does not run. Nobody is asked or told anything, and nothing is
    /// written to the log: an only voter that stands for election here waits for its own vote for
    /// ever.
    package func replay() throws(BackendError) {
        while true {
            let turn = turn(backendDue: true)
            if let batch = turn.backend {
                try backend.commit(batch)
                committed(batch.number)
            } else if !turn.hasMore {
                return
            }
        }
    }
}
