"""ROS nodes: convert, look up, call the core, publish. The only folder that imports ROS."""
