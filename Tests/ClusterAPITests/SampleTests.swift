import ClusterAPI
import TestKit
import Testing
import YAML

@Suite struct SampleTests {
    private static let folder = repositoryRoot() + "/Manifests/samples"

    @Test(arguments: fileNames(in: folder).sorted())
    func `every sample is accepted without a warning`(name: String) throws {
        let text = String(decoding: try readFile("\(Self.folder)/\(name)"), as: UTF8.self)
        let documents = try Node.parse(text).filter { !$0.isNull }
        #expect(!documents.isEmpty)
        for document in documents {
            let decoded = EtcdCluster.decode(document.tree)
            #expect(decoded.problems.isEmpty)
            #expect(decoded.cluster != nil)
        }
    }

    @Test func `the quickstart is called quickstart and has three members`() throws {
        let text = String(decoding: try readFile("\(Self.folder)/quickstart.yaml"), as: UTF8.self)
        let cluster = EtcdCluster.decode(try #require(try Node.parse(text).first).tree).cluster
        #expect(cluster?.metadata.name == "quickstart")
        #expect(cluster?.spec.replicas == 3)
    }
}
