import NIOCore

/// The places where a peer listens, of which one is used until it fails.
final class PeerAddresses {
    /// One place, with the `Host` header that goes with it.
    struct Place: Hashable {
        let host: String
        let port: Int

        var authority: String {
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    let urls: [String]
    private let places: [Place]
    private var picked = 0

    /// URLs that cannot be dialled (another scheme, no port) are left out.
    init(urls: [String]) {
        self.urls = urls
        places = urls.compactMap { url in
            guard url.hasPrefix("http://"), let (host, port) = ListenURL.split(url.dropFirst(7))
            else { return nil }
            return Place(host: host, port: port)
        }
    }

    var current: Place? {
        places.isEmpty ? nil : places[picked % places.count]
    }

    /// Goes on to the next place, unless somebody else already has.
    func failed(_ place: Place) {
        if place == current { picked = (picked + 1) % places.count }
    }
}
