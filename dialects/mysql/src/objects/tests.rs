use super::*;
use crate::introspect::tests::everything;
use crate::testing::Server;

#[test]
fn objects_are_found_with_what_they_need() {
    for server in Server::all() {
        let (_, schema) = everything(server);
        let found: Vec<_> = schema.objects.iter().map(|object| format!("{:?} {}", object.kind, object.name)).collect();
        println!("{:#?}", schema.objects);
        let expected: &[&str] = if server.is_mariadb() {
            &[
                "Sequence s1",
                "Routine f1",
                "Routine p1",
                "Routine pk",
                "Routine pk",
                "Trigger tr0",
                "Trigger tr1",
                "View v1",
                "View a_view",
                "Event e1",
            ]
        } else {
            &["Routine f1", "Routine p1", "Trigger tr0", "Trigger tr1", "View v1", "View a_view", "Event e1"]
        };
        assert_eq!(found, expected);
    }
}
