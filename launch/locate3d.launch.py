"""Mapping and localization in one process, beside navigation.

ros2 launch locate3d_ros locate3d.launch.py rgb_image:=/camera/color/image_raw ...
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

SHARE = Path(__file__).resolve().parent.parent

# Argument, topic of the node, what it is.
TOPICS = (
    ("rgb_image", "rgb/image", "colour images (Image or CompressedImage)"),
    ("rgb_info", "rgb/camera_info", "CameraInfo of the colour images"),
    ("depth_image", "depth/image", "depth images (Image or CompressedImage)"),
    ("depth_info", "depth/camera_info", "CameraInfo of the depth images, unless registered to colour"),
)


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=f"/locate3d/{topic}", description=text)
        for name, topic, text in TOPICS
    ]
    return LaunchDescription(
        [
            *arguments,
            DeclareLaunchArgument("params_file", default_value="", description="YAML of overrides; empty: none"),
            DeclareLaunchArgument("map_frame", default_value="", description="fixed frame; empty: as configured"),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="take the time from /clock"),
            DeclareLaunchArgument("rviz", default_value="false", description="open RViz as well"),
            OpaqueFunction(function=_locate3d),
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", str(SHARE / "rviz" / "locate3d.rviz")],
                condition=IfCondition(LaunchConfiguration("rviz")),
            ),
        ]
    )


def _locate3d(context):
    def value(name):
        return LaunchConfiguration(name).perform(context)

    parameters = [value("params_file")] if value("params_file") else []
    parameters.append({"use_sim_time": value("use_sim_time").lower() == "true"})
    if value("map_frame"):
        parameters.append({"map_frame": value("map_frame")})
    # A name or namespace given here would rename both nodes of the process: they keep their own.
    return [
        Node(
            package="locate3d_ros",
            executable="locate3d_node",
            output="screen",
            parameters=parameters,
            remappings=[(f"/locate3d/{topic}", value(name)) for name, topic, _ in TOPICS],
        )
    ]
