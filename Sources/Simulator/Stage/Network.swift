import Chance

/// Who hears whom, how late, how often.
package struct Network {
    /// Times are in microseconds.
    package struct Options: Sendable {
        package var delay = 1_000...5_000
        /// The part of messages that is lost, that arrives twice, and that comes very late.
        package var loss = 0.0
        package var duplication = 0.0
        package var lateness = 0.0
        /// The delay of those that come very late.
        package var lateDelay = 50_000...500_000
        /// Messages of one machine to another may overtake each other.
        package var reorders = true

        package init() {}
    }

    var options: Options
    private var generator: Generator
    /// How many faults at present keep the second machine from hearing the first.
    private var cuts: [[Int]] = []
    private var lastArrival: [[Int]] = []
    /// Additional loss of everything that a machine says, while it has a bad connection.
    private var flakiness: [Double] = []

    init(_ options: Options, _ generator: Generator) {
        self.options = options
        self.generator = generator
    }

    mutating func addMachine() {
        for index in cuts.indices {
            cuts[index].append(0)
            lastArrival[index].append(0)
        }
        cuts.append(Array(repeating: 0, count: cuts.count + 1))
        lastArrival.append(Array(repeating: 0, count: cuts.count))
        flakiness.append(0)
    }

    var machineCount: Int { cuts.count }

    func isCut(_ from: Int, _ to: Int) -> Bool {
        cuts[from][to] > 0
    }

    /// Whether neither hears the other.
    func areConnected(_ left: Int, _ right: Int) -> Bool {
        cuts[left][right] == 0 && cuts[right][left] == 0
    }

    /// Keeps one machine from hearing another until `join` undoes it.
    mutating func cut(_ from: Int, _ to: Int) {
        cuts[from][to] += 1
    }

    mutating func join(_ from: Int, _ to: Int) {
        cuts[from][to] = max(0, cuts[from][to] - 1)
    }

    mutating func joinAll() {
        for from in cuts.indices {
            for to in cuts.indices { cuts[from][to] = 0 }
        }
    }

    mutating func setFlakiness(_ machine: Int, _ loss: Double) {
        flakiness[machine] = loss
    }

    /// From now on nothing is lost, doubled or late but by cuts.
    mutating func calm() {
        options.loss = 0
        options.duplication = 0
        options.lateness = 0
        for machine in flakiness.indices { flakiness[machine] = 0 }
    }

    /// When the copies of a message arrive, in microseconds from now; none when it is lost.
    ///
    /// - Parameter isOnce: a message that must not be doubled: peers are connected by streams,
    ///   which lose what they carry when they break but never repeat it, and a proposal that came
    ///   twice would be carried out twice.
    mutating func arrivals(from: Int, to: Int, isOnce: Bool, now: Int) -> (Int?, Int?) {
        // Drawn whether it is needed or not, so that a cut does not change everything after it.
        let isLost = generator.chance(options.loss) || generator.chance(flakiness[from])
        let isDoubled = generator.chance(options.duplication)
        if isCut(from, to) || isLost { return (nil, nil) }
        let first = delay(from, to, now)
        return (first, isDoubled && !isOnce ? delay(from, to, now) : nil)
    }

    private mutating func delay(_ from: Int, _ to: Int, _ now: Int) -> Int {
        let isLate = generator.chance(options.lateness)
        let delay = generator.within(isLate ? options.lateDelay : options.delay)
        if options.reorders { return delay }
        let arrival = max(lastArrival[from][to], now + delay)
        lastArrival[from][to] = arrival
        return arrival - now
    }
}
